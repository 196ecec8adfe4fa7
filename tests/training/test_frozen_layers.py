"""Memory for hidden states that are not cached: what can be had, not what lies idle."""

import pytest

from multilabel_bert.errors import SettingsError
from multilabel_bert.training import frozen_layers


def test_pages_that_linux_lends_to_files_count_as_available(tmp_path, monkeypatch):
    info = tmp_path / "meminfo"
    info.write_text("MemTotal: 16000000 kB\nMemFree: 100 kB\nMemAvailable:    8388608 kB\n")
    monkeypatch.setattr(frozen_layers, "_MEMORY_INFO", info)
    frozen_layers._check_memory(7 * 2**30)
    with pytest.raises(SettingsError, match=r"need 9.0 GiB, but only 8.0 GiB of memory are free"):
        frozen_layers._check_memory(9 * 2**30)


def test_where_nobody_says_what_is_free_nothing_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(frozen_layers, "_MEMORY_INFO", tmp_path / "none")
    frozen_layers._check_memory(2**60)
