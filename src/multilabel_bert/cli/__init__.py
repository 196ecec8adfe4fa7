"""The command `multilabel`: one file a command."""


def main() -> None:
    """Run the command line; see `multilabel_bert.cli.app`."""
    # Not at import time: `multilabel --version` need not load what the commands need.
    from multilabel_bert.cli.app import run
    from multilabel_bert.cli.quick_exit import exit_at_once

    try:
        run()
    except SystemExit as end:
        if isinstance(end.code, int):
            exit_at_once(end.code)
        raise
