"""Multi-label text classification with BERT."""

__version__ = "0.1.0"
