"""A table of any size is predicted in the same memory, in its order."""

import subprocess
import sys

import pytest

# The peak of a process of its own; a limit on addresses would count what OpenVINO only reserves.
_PEAK = """
import resource, sys
from multilabel_bert.cli.app import run
try:
    run(sys.argv[1:])
except SystemExit as error:
    assert error.code == 0
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
# macOS counts bytes, Linux kibibytes.
_PER_MB = 2**20 if sys.platform == "darwin" else 2**10


def write_lines(path, texts, count):
    with path.open("w") as file:
        file.write("id,text\n")
        file.writelines(f"m{row},{texts[row % len(texts)]}\n" for row in range(count))
    return path


def peak_mb(trained, table, output):
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, "predict", str(trained), str(table), "--output", str(output)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return int(done.stdout) / _PER_MB


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell the peak")
@pytest.mark.parametrize(
    ("form", "many"),
    [
        ("csv", 150_000),
        ("parquet", 150_000),
        pytest.param("csv", 1_000_000, marks=pytest.mark.slow),
        pytest.param("parquet", 1_000_000, marks=pytest.mark.slow),
    ],
)
def test_many_lines_take_the_memory_of_few(trained, labelled_texts, tmp_path, form, many):
    texts, _ = labelled_texts
    few = write_lines(tmp_path / "few.csv", texts, 20_000)
    peak_of_few = peak_mb(trained, few, tmp_path / f"few-labels.{form}")
    table = write_lines(tmp_path / "many.csv", texts, many)
    output = tmp_path / f"many-labels.{form}"
    # All rows at once would take some 0.5 kB each: 65 MB more, or 490 MB.
    assert peak_mb(trained, table, output) < peak_of_few + 40

    import polars as pl

    result = pl.scan_csv(output) if form == "csv" else pl.scan_parquet(output)
    ids = result.select("id").collect()["id"]
    assert len(ids) == many
    assert (ids == pl.Series([f"m{row}" for row in range(many)])).all()
