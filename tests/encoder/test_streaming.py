"""Reading ahead in a thread, and the stream of representations built on it."""

import threading
import time

import numpy as np
import pytest
from tiny_checkpoints import CONFIG, random_tensors

from multilabel_bert.encoder.encoding import encode_parts
from multilabel_bert.encoder.engines import make_engine
from multilabel_bert.encoder.read_ahead import ReadAhead
from multilabel_bert.encoder.streaming import encode_stream
from multilabel_bert.text.tokenized_texts import TokenizedTexts


def threads_end(before: int) -> bool:
    for _ in range(100):
        if threading.active_count() <= before:
            return True
        time.sleep(0.02)
    return False


def test_items_come_in_order_and_only_some_are_read_ahead():
    read = []

    def items():
        for item in range(100):
            read.append(item)
            yield item

    before = threading.active_count()
    ahead = ReadAhead(items(), 3)
    assert [next(ahead) for _ in range(5)] == [0, 1, 2, 3, 4]
    time.sleep(0.1)
    assert len(read) <= 5 + 3 + 1
    assert list(ahead) == list(range(5, 100))
    assert next(ahead, None) is None
    assert threads_end(before)


def test_an_error_comes_after_the_items_before_it():
    def items():
        yield 1
        raise ValueError("no more")

    ahead = ReadAhead(items(), 4)
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="no more"):
        next(ahead)
    assert next(ahead, None) is None


def test_closing_ends_the_thread_and_the_iterator_it_reads():
    closed = threading.Event()

    def items():
        try:
            while True:
                yield 0
        finally:
            closed.set()

    before = threading.active_count()
    ahead = ReadAhead(items(), 2)
    next(ahead)
    ahead.close()
    assert closed.is_set()
    assert threads_end(before)


def test_closing_does_not_wait_for_an_item_that_never_comes():
    never = threading.Event()

    def items():
        never.wait()
        yield 0

    ahead = ReadAhead(items(), 1, wait_seconds=0.01)
    waiting = ReadAhead(ahead, 1)
    ahead.close()
    waiting.close()  # its thread gets no item, and ends
    assert next(waiting, None) is None
    never.set()


def chunk(texts, seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(2, 16, texts)
    return TokenizedTexts(
        ids=rng.integers(1, 20, lengths.sum()).astype(np.int32),
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        first_lengths=lengths.astype(np.int32),
        full_lengths=lengths.astype(np.int32),
        unknown_counts=np.zeros(texts, np.int32),
    )


@pytest.fixture(scope="module")
def engine():
    return make_engine(CONFIG, random_tensors(), ("pooled", "mean"), precision="float32")


def test_a_stream_gives_each_chunk_as_it_would_be_alone(engine):
    chunks = [chunk(texts, seed) for seed, texts in enumerate((40, 1, 7, 300))]
    done = []
    results = list(encode_stream(engine, iter(chunks), max_batch_tokens=64, on_batch=done.append))
    assert len(results) == 4
    for one, result in zip(chunks, results, strict=True):
        alone = encode_parts(engine, one, max_batch_tokens=64)
        assert list(result) == list(alone) == ["pooled", "mean"]
        for name, values in alone.items():
            np.testing.assert_array_equal(result[name], values)
    assert sum(done) == 348


def test_a_stream_that_is_left_early_ends_its_threads(engine):
    before = threading.active_count()
    stream = encode_stream(engine, (chunk(50, seed) for seed in range(10_000)))
    next(stream)
    stream.close()
    assert threads_end(before)


def test_an_error_in_a_chunk_ends_the_stream(engine):
    def chunks():
        yield chunk(3, 0)
        raise OSError("the file has gone")

    before = threading.active_count()
    with pytest.raises(OSError, match="the file has gone"):
        list(encode_stream(engine, chunks()))
    assert threads_end(before)
