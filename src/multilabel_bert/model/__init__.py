"""The saved model directory and the predictor that reads it."""
