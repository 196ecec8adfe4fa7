"""A function with groups of options to a command: each option is defined once, as a field."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any, get_type_hints

import typer

# What shells report of a program that Ctrl-C ended: 128 + SIGINT.
INTERRUPTED = 130


class OutputClosedError(Exception):
    """Whoever reads standard output, such as `head`, has seen enough."""


def as_command(function: Callable[..., None]) -> Callable[..., None]:
    """The function as Typer wants it: parameters that are dataclasses become their fields.

    A field is annotated as a parameter of a Typer command is, so that several commands share it.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Size:
    ...     width: int = 3
    >>> def show(name: str, size: Size) -> None:
    ...     print(name, size)
    >>> as_command(show)(name="a", width=5)
    a Size(width=5)
    """
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, type[Any]] = {}
    parameters = []
    for parameter in inspect.signature(function).parameters.values():
        hint = hints[parameter.name]
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            groups[parameter.name] = hint
            parameters += _parameters_of(hint)
        else:
            kind = inspect.Parameter.KEYWORD_ONLY
            parameters.append(parameter.replace(kind=kind, annotation=hint))

    @functools.wraps(function)
    def command(**values: Any) -> None:
        for name, group in groups.items():
            options = {field.name: values.pop(field.name) for field in dataclasses.fields(group)}
            values[name] = group(**options)
        try:
            function(**values)
        except KeyboardInterrupt:
            print("Interrupted.", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # Typer would exit with 1.
            raise OutputClosedError from None

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _parameters_of(group: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=hints[field.name],
        )
        for field in dataclasses.fields(group)
    ]
