"""`python -m multilabel_bert.cli` is the command `multilabel`."""

from multilabel_bert.cli import main

main()
