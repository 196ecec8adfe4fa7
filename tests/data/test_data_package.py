"""The package of data itself."""

import subprocess
import sys

import pytest

from multilabel_bert import data


def test_every_public_name_can_be_loaded():
    for name in data.__all__:
        assert getattr(data, name).__name__ == name
    assert set(dir(data)) == set(data.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = data.nothing


def test_importing_it_loads_nothing_heavy():
    code = (
        "import sys, multilabel_bert.data;"
        "heavy = {'polars', 'numpy', 'scipy', 'sklearn', 'bs4', 'tensorflow', 'keras'};"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
