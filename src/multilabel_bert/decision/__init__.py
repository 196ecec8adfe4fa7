"""From probabilities to labels, and how good they are: metrics, thresholds, the decision rule."""
