"""Losses, optimizers, features of the frozen layers, and the training loop."""
