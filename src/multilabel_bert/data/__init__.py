"""Tables of texts and labels: readers, label layouts, cleaning, splits."""
