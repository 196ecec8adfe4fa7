"""The baseline that every model is compared with: TF-IDF and logistic regression."""
