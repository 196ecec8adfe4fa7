"""`multilabel cache`: what the frozen layers gave for texts, kept on disk."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from multilabel_bert.cli import options
from multilabel_bert.errors import SettingsError

if TYPE_CHECKING:
    from multilabel_bert.training.feature_cache import FeatureCache

ACTIONS = ("list", "clear", "path")


def cache(
    action: Annotated[
        str, typer.Argument(metavar="list|clear|path", help="Show it, empty it, say where it is.")
    ],
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="STORE",
            help="What to clear, by the names that list shows.",
            show_default="everything",
        ),
    ] = None,
    *,
    directory: Annotated[
        Path | None,
        typer.Option(
            "--cache",
            metavar="DIR",
            help="Its directory.",
            show_default="$MULTILABEL_CACHE, or the user's cache directory",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Show or empty the cache of the frozen layers.

    [bold]multilabel cache list[/]
    """
    from multilabel_bert.training.feature_cache import FeatureCache

    if action not in ACTIONS:
        raise SettingsError(f"{action!r} is unknown. Use one of {', '.join(ACTIONS)}.")
    if names and action != "clear":
        raise SettingsError(f"cache {action} takes no names of stores.")
    kept = FeatureCache(directory)
    if action == "path":
        print(kept.directory)
    elif action == "clear":
        freed = kept.clear(names or None)
        print(json.dumps({"freed_bytes": freed}) if as_json else f"Freed {_size(freed)}.")
    else:
        _list(kept, as_json)


def _list(kept: FeatureCache, as_json: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from multilabel_bert.cli.tables import console

    stores = kept.list_stores()
    if as_json:
        print(json.dumps([dataclasses.asdict(store) for store in stores], indent=2))
        return
    if not stores:
        print(f"Nothing is kept in {kept.directory}.")
        return
    table = Table(box=None, pad_edge=False)
    for title in ("store", "encoder", "content", "precision", "texts", "size", "last used"):
        table.add_column(title, justify="right" if title in ("texts", "size") else "left")
    for store in stores:
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(store.last_used))
        table.add_row(
            store.name[:8],
            Text(store.encoder),
            store.content,
            store.precision,
            f"{store.texts:,}",
            _size(store.size_bytes),
            used,
        )
    console().print(table)
    print(f"\n{_size(sum(store.size_bytes for store in stores))} in {kept.directory}")


def _size(size_bytes: int) -> str:
    """A size for people.

    >>> _size(0), _size(1_500_000), _size(20_000_000_000)
    ('0.0 MB', '1.5 MB', '20.0 GB')
    """
    if size_bytes >= 10**9:
        return f"{size_bytes / 10**9:.1f} GB"
    return f"{size_bytes / 10**6:.1f} MB"
