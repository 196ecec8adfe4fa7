"""The micro-batcher: what waits is computed together, in turns, within bounds, or given up."""

import threading

import numpy as np
import pytest

from multilabel_bert.serving.batcher import MicroBatcher
from multilabel_bert.serving.jobs import Job
from multilabel_bert.serving.problems import Problem
from multilabel_bert.text.tokenized_texts import TokenizedTexts

SECONDS = 20


class Engine:
    name, precision, jobs, packs = "fake", "float32", 2, True


class Lane:
    """Texts are numbers: so many tokens, and the logit is the number. Computes when it may."""

    engine = Engine()

    def __init__(self):
        self.may = threading.Event()
        self.may.set()
        self.started = threading.Semaphore(0)
        self.batches: list[list[int]] = []
        self.names: list[list[tuple[str, ...]]] = []
        self.windows = None

    def tokenize(self, first, second):
        lengths = np.array([int(text) for text in first])
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        return TokenizedTexts(
            ids=np.repeat(lengths, lengths).astype(np.int32),
            offsets=offsets,
            first_lengths=lengths,
            full_lengths=lengths + (lengths == 13),
            unknown_counts=np.zeros(len(lengths), np.int32),
        )

    def encode(self, batch, names):
        self.batches.append(batch["input_ids"][:, 0].tolist())
        self.names.append(list(names))
        self.started.release()
        assert self.may.wait(SECONDS)
        if 99 in self.batches[-1]:
            raise RuntimeError("the engine failed")
        return {"mean": batch["input_ids"][:, :1].astype(np.float32)}

    def logits(self, name, parts, texts):
        return parts["mean"] * {"one": 1, "ten": 10}[name]


@pytest.fixture
def lane():
    return Lane()


@pytest.fixture
def batcher():
    made = MicroBatcher(2, 1000)
    yield made
    made.close(SECONDS)


class Waiting:
    def __init__(self, batcher, lane, numbers, names=("one",), **options):
        self.done = threading.Event()
        self.job = Job(lane, names, [str(n) for n in numbers], **options)
        batcher.submit(self.job, self.done.set)

    def logits(self, name="one"):
        assert self.done.wait(SECONDS)
        assert self.job.error is None
        return self.job.logits[name][:, 0].tolist()


def block(batcher, lane):
    """Keep both workers and what may be planned ahead busy, until `lane.may` is set."""
    lane.may.clear()
    busy = Waiting(batcher, lane, [500] * 8)
    for _ in range(2):
        assert lane.started.acquire(timeout=SECONDS)
    return busy


def test_answers_are_in_the_order_of_the_texts(batcher, lane):
    numbers = np.random.default_rng(0).permutation(np.arange(100, 300)).tolist()
    assert Waiting(batcher, lane, numbers).logits() == numbers


def test_a_lone_job_is_computed_at_once_and_alone(batcher, lane):
    assert Waiting(batcher, lane, [5]).logits() == [5]
    assert lane.batches == [[5]]


def test_what_waits_is_computed_together(batcher, lane):
    busy = block(batcher, lane)
    jobs = [Waiting(batcher, lane, [7, 9]) for _ in range(10)]
    lane.may.set()
    assert [job.logits() for job in jobs] == [[7, 9]] * 10
    busy.logits()
    of_jobs = [batch for batch in lane.batches if 500 not in batch]
    assert sum(map(len, of_jobs)) == 20
    assert len(of_jobs) <= 4


def test_models_of_a_lane_share_batches_and_each_text_says_who_wants_it(batcher, lane):
    for _ in range(50):  # the first may be planned before the second is there
        busy = block(batcher, lane)
        one = Waiting(batcher, lane, [3])
        both = Waiting(batcher, lane, [3], names=("one", "ten"))
        lane.may.set()
        busy.logits()
        assert (one.logits(), both.logits(), both.logits("ten")) == ([3], [3], [30])
        shared = [sorted(map(sorted, names)) for names in lane.names]
        if [["one"], ["one", "ten"]] in shared:
            return
    raise AssertionError(f"no batch had both: {shared}")


@pytest.mark.parametrize("texts", [16, 100, 500])
def test_a_lone_job_is_on_all_workers(batcher, lane, texts):
    assert len(Waiting(batcher, lane, [20] * texts).logits()) == texts
    assert len(lane.batches) % 2 == 0
    sizes = sorted(map(len, lane.batches))
    assert sizes[-1] <= 32
    assert sizes[-1] - sizes[0] <= 32 - 100 % 64 // 2


def test_a_plan_is_no_larger_than_it_must_be_while_little_waits(batcher, lane):
    busy = block(batcher, lane)
    text = "30".rjust(120, "0")  # as many characters as 30 tokens have
    waiting = [Waiting(batcher, lane, [text] * 20) for _ in range(3)]
    lane.may.set()
    for job in waiting:
        job.logits()
    busy.logits()
    assert max(map(len, lane.batches)) <= 20


def test_a_large_job_takes_turns_with_those_behind_it(batcher, lane):
    busy = block(batcher, lane)
    order = []
    large = Waiting(batcher, lane, [60] * 800)
    small = Waiting(batcher, lane, [7])
    for name, waiting in (("large", large), ("small", small)):
        waiting.job.when_done(
            lambda name=name, waiting=waiting: (order.append(name), waiting.done.set())
        )
    lane.may.set()
    assert (len(large.logits()), small.logits()) == (800, [7])
    busy.logits()
    assert order == ["small", "large"]


def test_too_much_is_refused_and_says_when_to_come_back(lane):
    batcher = MicroBatcher(2, 10)
    Waiting(batcher, lane, [500] * 4).logits()  # from now on it knows how fast it is
    busy = block(batcher, lane)
    with pytest.raises(Problem) as found:
        Waiting(batcher, lane, [5] * 3)
    assert found.value.status == 429
    assert int(found.value.headers["Retry-After"]) >= 1
    fitting = Waiting(batcher, lane, [5] * 2)
    lane.may.set()
    busy.logits()
    assert fitting.logits() == [5, 5]
    # Where nothing waits even a job above the bound is taken: it could never be otherwise.
    assert len(Waiting(batcher, lane, [5] * 50).logits()) == 50
    assert batcher.waiting_texts == 0
    batcher.close(SECONDS)


def test_what_is_cancelled_is_not_computed(batcher, lane):
    busy = block(batcher, lane)
    gone = Waiting(batcher, lane, [77] * 500)
    kept = Waiting(batcher, lane, [8])
    batcher.cancel(gone.job)
    batcher.cancel(gone.job)  # twice is once
    assert batcher.waiting_texts == 9
    lane.may.set()
    assert kept.logits() == [8]
    busy.logits()
    assert not any(77 in batch for batch in lane.batches)
    assert not gone.done.is_set()


def test_texts_of_batches_that_are_planned_are_left_out_when_cancelled(batcher, lane):
    lane.may.clear()
    blockers = [Waiting(batcher, lane, [500] * 2) for _ in range(2)]
    gone = Waiting(batcher, lane, [77])
    for _ in range(2):
        assert lane.started.acquire(timeout=SECONDS)
    batcher.cancel(gone.job)
    lane.may.set()
    for waiting in blockers:
        waiting.logits()
    assert Waiting(batcher, lane, [6]).logits() == [6]
    assert not any(77 in batch for batch in lane.batches)


def test_an_error_is_of_the_jobs_of_its_batch_alone(batcher, lane):
    failed = Waiting(batcher, lane, [99])
    assert failed.done.wait(SECONDS)
    assert isinstance(failed.job.error, RuntimeError)
    assert Waiting(batcher, lane, [5]).logits() == [5]
    assert batcher.waiting_texts == 0


def test_texts_that_cannot_be_tokenized_fail_and_the_others_go_on(batcher, lane):
    failed = Waiting(batcher, lane, ["no number"])
    assert failed.done.wait(SECONDS)
    assert isinstance(failed.job.error, ValueError)
    assert Waiting(batcher, lane, [5]).logits() == [5]


def test_texts_that_would_be_cut_are_refused_if_they_must_not_be(batcher, lane):
    cut = Waiting(batcher, lane, [5, 13], whole_texts_only=True)
    assert cut.done.wait(SECONDS)
    assert cut.job.error.status == 413
    assert "A text has 14 tokens, but the model reads 13." in cut.job.error.message
    assert Waiting(batcher, lane, [5, 13]).logits() == [5, 13]


def test_closing_computes_what_is_accepted_and_takes_no_more(batcher, lane):
    busy = block(batcher, lane)
    jobs = [Waiting(batcher, lane, [9] * 70) for _ in range(5)]
    closing = threading.Thread(target=batcher.close)
    closing.start()
    with pytest.raises(Problem, match="The server is being stopped"):
        while True:
            jobs.append(Waiting(batcher, lane, [9]))
    lane.may.set()
    closing.join(SECONDS)
    assert not closing.is_alive()
    assert all(set(job.logits()) == {9} for job in jobs)
    busy.logits()


def test_texts_that_come_tokenized(batcher, lane):
    done = threading.Event()
    job = Job(lane, ["ten"], tokenized=lane.tokenize(["4", "2", "3"], None))
    batcher.submit(job, done.set)
    assert done.wait(SECONDS)
    assert job.logits["ten"][:, 0].tolist() == [40, 20, 30]
    assert job.tokens == 9


def test_many_threads_at_once_each_get_their_own_answers(batcher, lane):
    wrong = []

    def ask(seed):
        rng = np.random.default_rng(seed)
        for _ in range(20):
            numbers = rng.integers(1, 60, rng.integers(1, 6)).tolist()
            if Waiting(batcher, lane, numbers).logits() != numbers:
                wrong.append(numbers)

    threads = [threading.Thread(target=ask, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    assert not wrong
    assert batcher.waiting_texts == 0
