"""Files and directories appear whole or not at all."""

import errno
import os
import stat

import pytest

from multilabel_bert.errors import WriteError
from multilabel_bert.files import atomic_directory, atomic_file


class StopError(Exception):
    pass


def test_a_file_appears_when_the_block_succeeds(tmp_path):
    path = tmp_path / "new" / "result.txt"
    with atomic_file(path) as temporary:
        temporary.write_text("all of it")
        assert not path.exists()
    assert path.read_text() == "all of it"
    assert [p.name for p in path.parent.iterdir()] == ["result.txt"]


def test_a_failed_file_leaves_the_old_one(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("old")
    with pytest.raises(StopError), atomic_file(path) as temporary:
        temporary.write_text("half")
        raise StopError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_result_has_the_permissions_of_any_other_file(tmp_path):
    (tmp_path / "plain").touch()
    with atomic_file(tmp_path / "result"):
        pass
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "result")}
    assert len(modes) == 1


@pytest.mark.parametrize("error", [StopError, KeyboardInterrupt])
def test_a_failed_directory_leaves_the_old_one(tmp_path, error):
    path = tmp_path / "model"
    path.mkdir()
    (path / "weights").write_text("old")
    with pytest.raises(error), atomic_directory(path, overwrite=True) as temporary:
        (temporary / "weights").write_text("half")
        raise error
    assert (path / "weights").read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_directory_replaces_the_old_one_whole(tmp_path):
    path = tmp_path / "model"
    path.mkdir()
    (path / "old").touch()
    with atomic_directory(path, overwrite=True) as temporary:
        (temporary / "new").touch()
    assert [p.name for p in path.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_directory_is_not_replaced_unless_told(tmp_path):
    with pytest.raises(WriteError, match="exists already"), atomic_directory(tmp_path):
        pass


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, "The disk is full: free some space"),
        (errno.EACCES, "Permission denied: choose a place"),
        (errno.EROFS, "The file system is read-only"),
    ],
)
def test_what_the_file_system_refuses_is_said_with_the_mend(tmp_path, code, message):
    path = tmp_path / "result"
    with pytest.raises(WriteError) as raised, atomic_file(path):
        raise OSError(code, os.strerror(code))
    assert message in str(raised.value)
    assert str(path) in str(raised.value)
    assert list(tmp_path.iterdir()) == []
