"""Pages about a model or a dataset: self-contained HTML with charts, for people to look at."""
