"""The layers of the package: what is lower never imports what is above it."""

import ast
from pathlib import Path

import pytest

import multilabel_bert

PACKAGE = Path(multilabel_bert.__file__).parent

# From the lowest to the highest. Those that share a line do not import each other.
LAYERS = [
    {"errors", "printable"},
    {"files", "notebook", "optional", "progress"},
    {"text", "data", "decision"},
    {"encoder", "baseline"},
    {"explanations"},
    {"model"},
    {"training"},
    {"classifier_inputs", "classifier_training", "classifier_baseline"},
    {"classifier_start", "classifier_parameters"},
    {"trained_classifier"},
    {"classifier"},
    {"cross_validation"},
    {"suspects"},
    {"reports"},
    {"export", "serving"},
    {"cli"},
]
HEIGHT = {name: height for height, names in enumerate(LAYERS) for name in names}


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_parts(path: Path) -> set[str]:
    parts = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the layer; write the full name"
            names = [node.module or ""]
            if node.module == "multilabel_bert":
                names = [f"multilabel_bert.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        parts |= {n.split(".")[1] for n in names if n.startswith("multilabel_bert.")}
    return {part for part in parts if not part.startswith("_")}


FILES = [p for p in sorted(PACKAGE.rglob("*.py")) if p != PACKAGE / "__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_lower_layers_never_import_upper_ones(path):
    own = part_of(path)
    assert own in HEIGHT, f"{path}: give this part its place in LAYERS"
    for part in imported_parts(path) - {own}:
        assert HEIGHT[part] < HEIGHT[own], f"{path.name} ({own}) imports upper {part}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_every_file_says_its_job_in_its_first_line(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert path.stem not in {"utils", "helpers", "common", "misc"}
