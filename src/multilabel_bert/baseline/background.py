"""The baseline fitted in a process of its own, while the encoder runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import weakref
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array, load_npz, save_npz

from multilabel_bert.baseline.fitting import NoBaselineError, fit_baseline
from multilabel_bert.baseline.tfidf_baseline import TfidfBaseline, joined_texts
from multilabel_bert.data.dataset import Dataset
from multilabel_bert.progress import Progress

# Fewer characters are fitted in less time than a process takes to start.
_WORTH_A_PROCESS = 500_000
_RESULT, _REASON, _LOGITS = "baseline", "reason.txt", "logits.npy"


class BaselineRun:
    """A baseline that is being fitted.

    Large ones are fitted by another process of the lowest priority, which takes what the
    training leaves idle: its start, and the updates of a head. It ends with this process.

    Args:
        train: the training split.
        dev: the development split, or None.
        seed: of `fit_baseline`.
    """

    def __init__(self, train: Dataset, dev: Dataset | None, *, seed: int = 0) -> None:
        self.train, self.seed = train, seed
        self._splits = {"train": train} | ({} if dev is None else {"dev": dev})
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._leftovers: list[Path | subprocess.Popen[bytes]] = []
        # Also where the training fails and nobody asks for the result.
        self._end = weakref.finalize(self, _remove, self._leftovers)
        if sum(map(len, train.texts)) >= _WORTH_A_PROCESS and sys.executable:
            self._start()

    def result(self, progress: Progress) -> tuple[TfidfBaseline, np.ndarray | None]:
        """The baseline, and its logits on texts it was not fitted on, as `fit_baseline`; waits.

        Raises:
            NoBaselineError: if there is none, with the reason.
        """
        try:
            if self._process is not None and self._folder is not None:
                if self._process.poll() is None:
                    progress.say("Waiting for the baseline (TF-IDF and logistic regression)")
                self._process.wait()
                if (self._folder / _REASON).is_file():
                    raise NoBaselineError((self._folder / _REASON).read_text(encoding="utf-8"))
                if self._process.returncode == 0:
                    return _read_result(self._folder)
                # Where no process can be started as this one was, as in an embedded Python.
                progress.say("Fitting the baseline (TF-IDF and logistic regression)")
            return _fit(self._splits, self.seed)
        finally:
            self.cancel()

    def cancel(self) -> None:
        """End it; what it has made is removed."""
        self._end()
        self._process = None

    def _start(self) -> None:
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="multilabel-baseline-"))
            self._leftovers.append(self._folder)
            for name, split in self._splits.items():
                _write_split(self._folder, name, split)
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(self._folder), str(self.seed)],
                # Its end is how the other process learns of ours.
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                # Ctrl-C is for this process, which decides what becomes of the other.
                start_new_session=True,
            )
            self._leftovers.append(self._process)
        except OSError:
            # No room, or no processes: it is fitted here, later.
            self.cancel()


def _remove(leftovers: list[Path | subprocess.Popen[bytes]]) -> None:
    for one in reversed(leftovers):
        if isinstance(one, Path):
            shutil.rmtree(one, ignore_errors=True)
        else:
            one.kill()
            one.wait()
            if one.stdin is not None:
                one.stdin.close()


def _write_split(folder: Path, name: str, split: Dataset) -> None:
    texts = joined_texts(split.texts, split.text_pairs)
    (folder / f"{name}.json").write_text(json.dumps(texts), encoding="utf-8")
    save_npz(folder / f"{name}.npz", split.require_labels(), compressed=False)


def _read_split(folder: Path, name: str) -> tuple[list[str], csr_array] | None:
    if not (folder / f"{name}.json").is_file():
        return None
    texts = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return texts, csr_array(load_npz(folder / f"{name}.npz"))


def _read_result(folder: Path) -> tuple[TfidfBaseline, np.ndarray | None]:
    logits = folder / _LOGITS
    return TfidfBaseline.load(folder / _RESULT), np.load(logits) if logits.is_file() else None


def _fit(splits: dict[str, Dataset], seed: int) -> tuple[TfidfBaseline, np.ndarray | None]:
    train, dev = splits["train"], splits.get("dev")
    return fit_baseline(
        joined_texts(train.texts, train.text_pairs),
        train.require_labels(),
        None if dev is None else joined_texts(dev.texts, dev.text_pairs),
        None if dev is None else dev.require_labels(),
        seed=seed,
    )


def _end_with_parent() -> None:
    # Not sys.stdin: a thread that waits there keeps Python from shutting down.
    while os.read(0, 1):
        pass
    os._exit(1)


def _work(folder: Path, seed: int) -> None:
    train, dev = _read_split(folder, "train"), _read_split(folder, "dev")
    assert train is not None
    try:
        baseline, logits = fit_baseline(*train, *(dev or (None, None)), seed=seed)
    except NoBaselineError as error:
        (folder / _REASON).write_text(str(error), encoding="utf-8")
        return
    if logits is not None:
        np.save(folder / _LOGITS, logits)
    baseline.save(folder / _RESULT)


if __name__ == "__main__":
    if hasattr(os, "nice"):
        os.nice(19)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _work(Path(sys.argv[1]), int(sys.argv[2]))
