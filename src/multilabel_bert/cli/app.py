"""The command line as a whole: its commands, and the one place that translates errors."""

from __future__ import annotations

import contextlib
import inspect
import os
import re
import sys
from typing import Annotated, Any

import typer

from multilabel_bert import __version__
from multilabel_bert.cli.cache import cache
from multilabel_bert.cli.command import OutputClosedError, as_command
from multilabel_bert.cli.demo import demo
from multilabel_bert.cli.describe import describe
from multilabel_bert.cli.evaluate import evaluate
from multilabel_bert.cli.explain import explain
from multilabel_bert.cli.export import export
from multilabel_bert.cli.predict import predict
from multilabel_bert.cli.push import push
from multilabel_bert.cli.report import report
from multilabel_bert.cli.serve import serve
from multilabel_bert.cli.spelling import GOOGLE_FLAGS, as_typed, dashed, with_bare_flags
from multilabel_bert.cli.train import train
from multilabel_bert.cli.tune import tune
from multilabel_bert.errors import MultilabelError

# A user's mistake ends with this code, a usage error too; 1 is a bug of ours.
USER_ERROR = 2

# Typer holds a copy of click in some versions; its errors are found through the one it exports.
_ClickException: Any = typer.BadParameter.__mro__[2]

COMMANDS = {
    command.__name__: as_command(command)
    for command in (
        demo,
        describe,
        train,
        tune,
        evaluate,
        report,
        predict,
        explain,
        export,
        serve,
        push,
        cache,
    )
}

app = typer.Typer(
    name="multilabel",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={
        "help_option_names": ["-h", "--help"],
        # --max_seq_length is --max-seq-length.
        "token_normalize_func": dashed,
    },
)
for _name, _command in COMMANDS.items():
    app.command(_name)(_command)


def _show_version(value: bool) -> None:
    if value:
        print(f"multilabel-bert {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", metavar="", callback=_show_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """Multi-label text classification with BERT.

    See it work, then take a table of yours:

    [bold]multilabel demo[/]

    [bold]multilabel describe messages.csv[/]

    [bold]multilabel train --encoder DIR --train messages.csv --output my-model[/]

    [bold]multilabel predict my-model --text "my parcel never came"[/]

    Results go to standard output, progress and errors to standard error.
    Exit codes: 0 done; 2 a mistake in what was given; 130 ended by Ctrl-C.
    """


def run(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0, 2 for a user's mistake, 130 for Ctrl-C."""
    # TensorFlow's messages about instruction sets say nothing to a user.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    arguments = (sys.argv[1:] if arguments is None else arguments) or ["--help"]
    _prepare_standard_output()
    try:
        code = app(args=with_bare_flags(arguments), prog_name="multilabel", standalone_mode=False)
        sys.stdout.flush()
    except MultilabelError as error:
        _fail(as_typed(str(error), _parameter_names(arguments)))
    except _ClickException as error:
        _fail(_usage_message(error, arguments))
    except (OutputClosedError, BrokenPipeError):
        _close_standard_output()
        sys.exit(0)
    except OSError as error:
        _close_standard_output()
        _fail(_system_message(error))
    sys.exit(code if isinstance(code, int) else 0)


def _fail(message: str) -> None:
    print(f"Error: {message}", file=sys.stderr)
    sys.exit(USER_ERROR)


def _prepare_standard_output() -> None:
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is None:
        return
    if sys.stdout.isatty():
        # Better a ? than a traceback on a terminal that knows few characters.
        reconfigure(errors="replace")
    else:
        # A result is the same bytes in every locale.
        reconfigure(encoding="utf-8")


def _close_standard_output() -> None:
    # Its reader, such as `head`, has seen enough, or its disk is full. Python would try to write
    # the rest at exit, and complain.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parameter_names(arguments: list[str]) -> list[str]:
    command = COMMANDS.get(arguments[0])
    return [] if command is None else list(inspect.signature(command).parameters)


def _usage_message(error: Any, arguments: list[str]) -> str:
    """One line for a usage error: what is wrong, and where help is."""
    message = " ".join(error.format_message().split())
    message = re.sub(
        r"^Invalid value for '([^']+)': Input should be a valid (integer|number).*",
        lambda match: f"{match[1]}: expected a {_NUMBERS[match[2]]}.",
        message,
    )
    name = dashed(getattr(error, "option_name", None) or "")
    if name in GOOGLE_FLAGS:
        message = f"{name} of run_classifier.py is not needed: {GOOGLE_FLAGS[name]}."
    command = ["multilabel", *arguments[:1]] if arguments[0] in COMMANDS else ["multilabel"]
    stop = "" if message.endswith((".", "?")) else "."
    return f"{message}{stop} See: {' '.join(command)} --help"


_NUMBERS = {"integer": "whole number", "number": "number"}


def _system_message(error: OSError) -> str:
    place = error.filename or "standard output"
    return f"{place}: {error.strerror or error}."
