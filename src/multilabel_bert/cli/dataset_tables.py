"""What `describe` prints beyond counts: lengths, characters, implications, near duplicates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multilabel_bert.cli.tables import console, shortened, table

if TYPE_CHECKING:
    from multilabel_bert.reports.dataset_facts import DatasetFacts

_IMPLICATIONS = 10
_PAIRS = 5
_TEXT_WIDTH = 60
# The page has all lengths.
_LENGTHS = (32, 64, 128, 256, 512)


def show_lengths(facts: DatasetFacts) -> None:
    """Print what each maximum length would cut, and the advised one."""
    if facts.surveys is None:
        return
    out = console()
    shown = table("Texts that are cut at a maximum length", "", *map(str, _LENGTHS), "[UNK]")
    for name, found in facts.surveys.items():
        cells = [f"{found.cut_share(length):.1%}" for length in _LENGTHS]
        shown.add_row(name, *cells, f"{found.unknown_share:.2%}")
    out.print()
    out.print(shown)
    advised = facts.advised_max_length
    if advised is None:
        out.print(
            "More than a text in a hundred is longer than 512 tokens: see --windows in train."
        )
    else:
        out.print(f"Advised: --max-seq-length {advised}, which cuts at most a text in a hundred.")


def show_characters(facts: DatasetFacts) -> None:
    """Print scripts, HTML, and what nobody sees; nothing of plain Latin text."""
    lines = []
    for name, content in facts.content.items():
        parts = [content.describe_scripts()] if len(content.scripts) > 1 else []
        counts = {
            "with HTML (--clean-html removes it)": content.html_texts,
            "with control characters": content.control_texts,
            "with � (another encoding than it was read as)": content.broken_texts,
        }
        parts += [
            f"{count:,} text{'' if count == 1 else 's'} {what}"
            for what, count in counts.items()
            if count
        ]
        if parts:
            lines.append(f"{name}: {'; '.join(parts)}")
    if not lines:
        return
    from rich.text import Text

    out = console()
    out.print(Text("\nCharacters", style="bold"))
    for line in lines:
        out.print(Text(line))


def show_implications(facts: DatasetFacts) -> None:
    """Print which labels come with which."""
    if facts.together is None or not facts.together.implications:
        return
    from rich.text import Text

    shown = table("Where there is a label, there often is another", "", "texts", "share", "lift")
    for found in facts.together.implications[:_IMPLICATIONS]:
        shown.add_row(
            Text(f"{found.label} → {found.implies}"),
            f"{found.texts:,}",
            f"{found.share:.0%}",
            f"{found.lift:.1f}",
        )
    out = console()
    out.print()
    out.print(shown)


def show_near_duplicates(facts: DatasetFacts) -> None:
    """Print how many texts are nearly the same, and the worst of them."""
    near = facts.near
    if near is None or not near.texts:
        return
    from rich.text import Text

    out = console()
    out.print(Text("\nNearly the same as an earlier text", style="bold"))
    more = f", {near.contradictory:,} of them with other labels" if near.contradictory else ""
    across = f", {near.across_splits:,} with one of another split" if near.across_splits else ""
    out.print(Text(f"{near.texts:,} text{'' if near.texts == 1 else 's'}{more}{across}"))
    for pair in near.pairs[:_PAIRS]:
        words = "other labels" if pair.contradictory else "same labels"
        out.print(
            Text(
                f"  {pair.of_split} {pair.of_row} and {pair.split} {pair.row}, "
                f"{pair.similarity:.0%} alike, {words}: {shortened(pair.text, _TEXT_WIDTH)}"
            )
        )
