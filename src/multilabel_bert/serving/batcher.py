"""The micro-batcher: jobs of all requests and models in, batches by a budget of tokens through."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

import numpy as np

from multilabel_bert.encoder.encoding import BATCH_TOKENS
from multilabel_bert.serving.jobs import Job
from multilabel_bert.serving.planning import Batch, Group, Piece, plan_batches
from multilabel_bert.serving.problems import Problem, overloaded, stopping, too_large

# A large request takes turns with small ones: so many of its texts at a time.
_PIECE_TEXTS = 64
# Tokens planned at once for each worker. All requests of a plan are answered at about its end, so
# that small plans answer sooner; large ones make fuller batches, which under load counts more: a
# quarter is planned of what waits, with `_PIECE_TEXTS` texts of each request.
_PLAN_TOKENS = (256, BATCH_TOKENS)
_PLAN_SHARE = 0.25
# English has some 4 characters a token; below that a plan is a little larger than meant.
_CHARACTERS_A_TOKEN = 4
# Weight of the newest batch in the measured speed.
_NEWEST = 0.1


class Observer(Protocol):
    """Is told what is computed, for the metrics. Called in the batcher's threads."""

    def batch_done(self, texts: int, tokens: int, slots: int, seconds: float) -> None:
        """A batch of sequences is through the encoder; `slots` are tokens with padding."""


class MicroBatcher:
    """Puts the texts of all requests into batches, and computes them in threads.

    Nothing ever waits for a fuller batch: what is there is computed as soon as the encoder is
    free, so that a lone request is alone in its batches, and under load the batches are full
    because texts came while others were computed. Jobs are taken in their order, large ones in
    turns with those behind them. A thread tokenizes and plans while others compute.

    Args:
        workers: batches computed at the same time: as many as the encoder can.
        max_waiting_texts: texts accepted and not through; above that `submit` refuses.
        observer: is told what is computed.
    """

    def __init__(
        self, workers: int, max_waiting_texts: int, observer: Observer | None = None
    ) -> None:
        self._workers = workers
        self._most = max_waiting_texts
        self._observer = observer
        self._changed = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._ready: deque[Batch] = deque()
        self._running = 0
        self._closed = False
        self._all_planned = False
        self.waiting_texts = 0
        self._texts_a_second = 0.0
        self._threads = [threading.Thread(target=self._plan, name="batch-planner", daemon=True)]
        self._threads += [
            threading.Thread(target=self._work, name=f"batch-worker-{number}", daemon=True)
            for number in range(workers)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job, when_done: Callable[[], None]) -> None:
        """Accept a job.

        Args:
            job: at least one text.
            when_done: called in a thread of the batcher when the job has logits or an error.

        Raises:
            Problem: 429 if too many texts wait; 503 if the batcher is closed.
        """
        job.when_done(when_done)
        with self._changed:
            if self._closed:
                raise stopping()
            if self.waiting_texts and self.waiting_texts + job.texts > self._most:
                raise overloaded(
                    f"{self.waiting_texts} texts are waiting already, and {job.texts} more would "
                    f"be above the limit of {self._most}. Try again later.",
                    self.retry_after_seconds(),
                )
            self.waiting_texts += job.texts
            self._jobs.append(job)
            self._changed.notify_all()

    def cancel(self, job: Job) -> None:
        """Nobody waits for a job any more: what is not computed yet will not be."""
        with self._changed:
            if job.unfinished and not job.cancelled:
                self._drop(job)

    def retry_after_seconds(self) -> int:
        """In how many seconds what waits now will be through, at least 1 and at most 60."""
        if not self._texts_a_second:
            return 1
        return min(60, max(1, math.ceil(self.waiting_texts / self._texts_a_second)))

    def close(self, timeout_seconds: float | None = None) -> None:
        """Refuse new jobs, compute those that are accepted, and end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout_seconds)

    # The planner's thread.

    def _plan(self) -> None:
        while True:
            with self._changed:
                # With a batch ready for each worker, planning can wait for more texts to come.
                while not self._jobs or len(self._ready) >= self._workers:
                    if self._closed and not self._jobs:
                        self._all_planned = True
                        self._changed.notify_all()
                        return
                    self._changed.wait()
                free = max(1, self._workers - self._running - len(self._ready))
                pieces = self._take(free)
                is_alone = len({piece.job for piece in pieces}.union(self._jobs)) == 1
            groups = _by_lane(pieces)
            # Whom nobody follows gets every worker; else groups share those that are free.
            shares = self._workers if is_alone else -(-free // max(1, len(groups)))
            for group in groups:
                batches = self._batches(group, shares)
                with self._changed:
                    self._ready += batches
                    self._changed.notify_all()

    def _take(self, free: int) -> list[Piece]:
        """Pieces of the oldest jobs, as many as make a plan for so many workers."""
        room = self._room(free)
        pieces: list[Piece] = []
        again: list[Job] = []
        now = time.perf_counter()
        while self._jobs and room > 0:
            job = self._jobs.popleft()
            if job.cancelled:
                continue
            if not job.taken:
                job.waited_seconds = now - job.accepted_at
            piece = _rest_of(job)
            job.taken = piece.stop
            room -= _expected_tokens(piece)
            pieces.append(piece)
            if job.taken < job.texts:
                again.append(job)
        self._jobs.extend(again)
        return pieces

    def _room(self, free: int) -> float:
        """Tokens of the next plan."""
        least, most = free * _PLAN_TOKENS[0], self._workers * _PLAN_TOKENS[1]
        waiting = 0.0
        for job in self._jobs:
            if job.cancelled:
                continue
            waiting += _PLAN_SHARE * _expected_tokens(_rest_of(job))
            if waiting >= most:
                return most
        return max(least, waiting)

    def _batches(self, pieces: list[Piece], jobs: int) -> list[Batch]:
        try:
            group, batches = plan_batches(pieces[0].job.lane, pieces, jobs)
        except Exception as error:
            for piece in pieces:
                self._fail(piece.job, error)
            return []
        for index, piece in enumerate(pieces):
            job, texts = piece.job, group.sequences(index)
            job.tokens += int(texts.offsets[-1])
            if job.whole_texts_only and (cut := texts.truncated).any():
                length = int(texts.full_lengths[cut][0])
                self._fail(job, _too_long(length, int(texts.lengths.max())))
        return batches

    # The workers' threads.

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._ready:
                    if self._all_planned:
                        return
                    self._changed.wait()
                batch = self._ready.popleft()
                self._running += 1
                if len(self._ready) < self._workers:
                    self._changed.notify_all()
            try:
                self._compute(batch)
            except Exception as error:
                for index in set(batch.group.piece_of[batch.rows].tolist()):
                    self._fail(batch.group.pieces[index].job, error)
            with self._changed:
                self._running -= 1

    def _compute(self, batch: Batch) -> None:
        group, rows = batch.group, batch.rows
        wanted = [
            (row, group.pieces[index].job.names)
            for row, index in zip(rows, group.piece_of[rows], strict=True)
            if not group.pieces[index].job.cancelled
        ]
        if not wanted:
            return
        rows = np.array([row for row, _ in wanted])
        padded = group.texts.pad(rows)
        started = time.perf_counter()
        outputs = group.lane.encode(padded, [names for _, names in wanted])
        seconds = time.perf_counter() - started
        with self._changed:
            finished = group.store(rows, outputs)
        tokens = int(group.texts.lengths[rows].sum())
        self._measure(len(rows), seconds)
        if self._observer is not None:
            self._observer.batch_done(len(rows), tokens, padded["input_ids"].size, seconds)
        for index in finished:
            self._finish(group, index)

    def _finish(self, group: Group, index: int) -> None:
        piece = group.pieces[index]
        job, parts, texts = piece.job, group.parts_of(index), group.sequences(index)
        logits = {name: job.lane.logits(name, parts, texts) for name in job.names}
        with self._changed:
            if job.cancelled:
                return
            is_last = job.add(piece.start, logits)
            if is_last:
                self.waiting_texts -= job.texts
        if is_last:
            job.done()

    def _fail(self, job: Job, error: Exception) -> None:
        with self._changed:
            if job.cancelled or not job.unfinished:
                return
            job.error = error
            self._drop(job)
        job.done()

    def _drop(self, job: Job) -> None:
        job.cancelled = True
        self.waiting_texts -= job.texts

    def _measure(self, texts: int, seconds: float) -> None:
        share = _NEWEST if self._texts_a_second else 1.0
        speed = self._workers / max(seconds, 1e-6)
        self._texts_a_second += share * (texts * speed - self._texts_a_second)


def _by_lane(pieces: list[Piece]) -> list[list[Piece]]:
    """What is tokenized together; texts that come tokenized are alone."""
    groups: dict[int, list[Piece]] = {}
    for piece in pieces:
        alone = piece.job.tokenized is not None
        groups.setdefault(id(piece) if alone else id(piece.job.lane), []).append(piece)
    return list(groups.values())


def _rest_of(job: Job) -> Piece:
    """What the next plan may take of a job."""
    return Piece(job, job.taken, min(job.texts, job.taken + _PIECE_TEXTS))


def _expected_tokens(piece: Piece) -> float:
    job = piece.job
    if job.tokenized is not None:
        windows = job.tokenized.window_offsets
        bounds = [piece.start, piece.stop]
        start, stop = bounds if windows is None else windows[bounds]
        return float(job.tokenized.offsets[stop] - job.tokenized.offsets[start])
    assert job.first is not None
    characters = sum(map(len, job.first[piece.start : piece.stop]))
    if job.second is not None:
        characters += sum(map(len, job.second[piece.start : piece.stop]))
    return 2 * (piece.stop - piece.start) + characters / _CHARACTERS_A_TOKEN


def _too_long(length: int, most: int) -> Problem:
    return too_large(
        f"A text has {length} tokens, but the model reads {most}. Shorten it, or allow it to be "
        "cut with truncate=true."
    )
