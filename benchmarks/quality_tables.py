"""Tables of the quality benchmark from its rows: means over seeds, the peer, the goals."""

from __future__ import annotations

import json
import statistics
from typing import Any

from quality_settings import GROUPS, describe

from multilabel_bert.decision.thresholds import STRATEGIES

Row = dict[str, Any]
DATA_NAMES = {
    "goemotions": "GoEmotions",
    "semeval": "SemEval-2018 E-c",
    "complaints": "Consumer complaints",
    "jigsaw": "Jigsaw, sample",
    "tmdb": "TMDB genres",
}
HEADLINE = "test.macro_f1.per_label_shrunk"
COLUMNS = {
    "dev": "dev.macro_f1.per_label_shrunk",
    "at 0.5": "test.macro_f1.fixed",
    "one threshold": "test.macro_f1.global",
    "one a label": "test.macro_f1.per_label",
    "shrunk": HEADLINE,
    "micro-F1": "test.micro_f1.per_label_shrunk",
    "samples-F1": "test.samples_f1.per_label_shrunk",
    "Jaccard": "test.semeval_accuracy.per_label_shrunk",
    "average precision": "test.macro_average_precision",
}


def all_tables(rows: list[Row]) -> dict[str, str]:
    """Every table that has rows, by its name, in Markdown."""
    good = [row for row in rows if "error" not in row]
    tables = {}
    for name, group in GROUPS.items():
        for data in group.data:
            wanted = [describe(parameters) for parameters in group.settings]
            found = [(text, _runs(good, data, text)) for text in dict.fromkeys(wanted)]
            lines = [_line(text, runs) for text, runs in found if runs]
            if lines:
                tables[f"{data} {name}"] = _table(["settings", "n", *COLUMNS, "seconds"], lines)
    for data in DATA_NAMES:
        peers = [row for row in good if row["data"] == data and "learning_rate" in row]
        if peers:
            lines = [_line(f"learning rate {row['learning_rate']:g}", [row]) for row in peers]
            tables[f"{data} trainer"] = _table(["settings", "n", *COLUMNS, "seconds"], lines)
    if good:
        tables["thresholds"] = _thresholds(good)
    tables["goals"] = _goals(good)
    return tables


def _thresholds(rows: list[Row]) -> str:
    """Each way to choose thresholds, over all models: mean scores, and how often it is the best."""
    lines = []
    for data, title in DATA_NAMES.items():
        runs = [row for row in rows if row["data"] == data]
        # There "shrunk" was not chosen on the development split.
        runs = [run for run in runs if not run.get("settings", {}).get("threshold_cv")]
        for name in ("macro_f1", "micro_f1"):
            scores = {key: [run[f"test.{name}.{key}"] for run in runs] for key in STRATEGIES}
            if runs:
                means = (statistics.mean(scores[key]) for key in STRATEGIES)
                best = [max(STRATEGIES, key=lambda key: scores[key][i]) for i in range(len(runs))]
                lines.append(
                    [title, name.replace("_f1", "-F1"), str(len(runs))]
                    + [
                        f"{mean:.3f} ({best.count(key)})"
                        for mean, key in zip(means, STRATEGIES, strict=True)
                    ]
                )
    columns = ["data", "metric", "models", "0.5", "one threshold", "one a label", "shrunk"]
    return _table(columns, lines)


def _runs(rows: list[Row], data: str, description: str) -> list[Row]:
    return [
        row
        for row in rows
        if row["data"] == data and "settings" in row and describe(row["settings"]) == description
    ]


def _line(text: str, runs: list[Row]) -> list[str]:
    cells = [text, str(len(runs))]
    for key in COLUMNS.values():
        cell = _mean_and_spread([run[key] for run in runs])
        if key == HEADLINE and len(runs) == 1:
            low, high = runs[0]["interval.macro_f1"]
            cell += f" ({low:.3f} to {high:.3f})"
        cells.append(cell)
    return [*cells, f"{statistics.mean(run['seconds'] for run in runs):.0f}"]


def _mean_and_spread(values: list[float]) -> str:
    mean = f"{statistics.mean(values):.3f}"
    return mean if len(values) == 1 else f"{mean} ± {statistics.stdev(values):.3f}"


def _table(columns: list[str], lines: list[list[str]]) -> str:
    header = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join([*header, *("| " + " | ".join(line) + " |" for line in lines)])


def _goals(rows: list[Row]) -> str:
    """What was to be reached on GoEmotions, and what was; of several settings the best on dev."""

    def best(fits: Any, key: str = HEADLINE) -> tuple[str, float, int] | None:
        groups: dict[str, list[Row]] = {}
        for row in rows:
            if row["data"] == "goemotions" and "settings" in row and fits(row["settings"]):
                groups.setdefault(json.dumps(row["settings"]), []).append(row)
        if not groups:
            return None
        # Those with the most seeds first: one lucky run is no finding.
        most = max(map(len, groups.values()))
        runs = max(
            (runs for runs in groups.values() if len(runs) == most),
            key=lambda runs: statistics.mean(run[COLUMNS["dev"]] for run in runs),
        )
        value = statistics.mean(run[key] for run in runs)
        return describe(runs[0]["settings"]), value, len(runs)

    def layers(wanted: Any) -> Any:
        return lambda settings: settings.get("train_layers", 0) == wanted

    def pooled(settings: dict[str, Any]) -> bool:
        return layers(0)(settings) and settings.get("pooling", "pooled") == "pooled"

    at_half = "test.macro_f1.fixed"
    found = {
        ("head alone, pooling auto", 0.41): best(
            lambda s: s.get("train_layers", 0) == 0 and s.get("pooling") == "auto"
        ),
        ("head alone, pooled", 0.30): best(lambda s: pooled(s) and not s.get("threshold_cv")),
        ("head alone, pooled, thresholds by cross-validation", 0.30): best(
            lambda s: pooled(s) and s.get("threshold_cv")
        ),
        ("top 2, defaults", 0.505): best(lambda s: s == {"train_layers": 2}),
        ("top 2, best on dev", 0.525): best(layers(2)),
        ("top 2, best on dev, at 0.5", 0.51): best(layers(2), at_half),
        ("top 3, best on dev", 0.535): best(layers(3)),
        ("all layers, best on dev", 0.535): best(layers("all")),
    }
    lines = [
        [what, answer[0], str(answer[2]), f"{answer[1]:.4f}", f"{goal:g}"]
        for (what, goal), answer in found.items()
        if answer
    ]
    peers = [row for row in rows if row["data"] == "goemotions" and "learning_rate" in row]
    everything = found["all layers, best on dev", 0.535]
    if peers and everything:
        chosen = max(peers, key=lambda row: row[COLUMNS["dev"]])
        # The peer gets the strategy that is best for it.
        peer_f1 = max(chosen[HEADLINE], chosen[COLUMNS["one a label"]])
        lines.append(
            [
                f"all layers, above Trainer's best ({chosen['learning_rate']:g}: {peer_f1:.4f})",
                everything[0],
                str(everything[2]),
                f"{everything[1] - peer_f1:+.4f}",
                "+0.02",
            ]
        )
    return _table(["goal", "settings", "n", "macro-F1", "at least"], lines)
