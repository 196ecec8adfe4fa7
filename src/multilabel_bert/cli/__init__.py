"""The command `multilabel`: one file a command."""


def main() -> None:
    """Run the command line; see `multilabel_bert.cli.app`."""
    # Not at import time: `multilabel --version` need not load what the commands need.
    from multilabel_bert.cli.app import run

    run()
