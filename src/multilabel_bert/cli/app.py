"""The command line as a whole: its commands, and the one place that translates errors."""

from __future__ import annotations

import os
import re
import sys
from typing import Annotated

import typer

from multilabel_bert import __version__
from multilabel_bert.cli.demo import demo
from multilabel_bert.cli.describe import describe
from multilabel_bert.cli.evaluate import evaluate
from multilabel_bert.cli.predict import predict
from multilabel_bert.cli.train import train
from multilabel_bert.cli.tune import tune
from multilabel_bert.errors import MultilabelError

# A user's mistake ends with this code, a usage error too; 1 is a bug of ours.
USER_ERROR = 2
INTERRUPTED = 130

app = typer.Typer(
    name="multilabel",
    help="Multi-label text classification with BERT.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (demo, describe, train, tune, evaluate, predict):
    app.command()(command)


def _show_version(value: bool) -> None:
    if value:
        print(f"multilabel-bert {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    pass


def run(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0, 2 for a user's mistake, 130 for Ctrl-C."""
    # TensorFlow's messages about instruction sets say nothing to a user.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        app(args=[_dashed(argument) for argument in arguments], prog_name="multilabel")
    except MultilabelError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(USER_ERROR)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough. Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _dashed(argument: str) -> str:
    """Spell an option of run_classifier.py as ours.

    >>> _dashed("--max_seq_length=128"), _dashed("--do_lower_case=False"), _dashed("my_file")
    ('--max-seq-length=128', '--no-do-lower-case', 'my_file')
    """
    match = re.fullmatch(r"--([A-Za-z][\w-]*)(=.*)?", argument, re.DOTALL)
    if match is None:
        return argument
    name, value = match[1].replace("_", "-"), match[2] or ""
    if name == "do-lower-case" and value:
        return f"--{name}" if value.lower() in ("=true", "=1") else f"--no-{name}"
    return f"--{name}{value}"
