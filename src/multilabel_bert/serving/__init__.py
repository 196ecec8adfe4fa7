"""A model behind HTTP: micro-batches, limits, metrics; no TensorFlow."""
