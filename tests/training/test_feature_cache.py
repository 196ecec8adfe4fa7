"""The cache of the frozen layers: right values, found again, safe under kills and neighbours."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.errors import SettingsError
from multilabel_bert.progress import Progress
from multilabel_bert.text.tokenizer import BertTokenizer
from multilabel_bert.training import feature_store, frozen_layers
from multilabel_bert.training.feature_cache import (
    FeatureCache,
    default_directory,
    store_key,
    text_digests,
)
from multilabel_bert.training.feature_store import as_digests
from multilabel_bert.training.frozen_layers import FrozenLayers

DESCRIPTION = {"encoder": "tiny", "content": "representations", "precision": "float32"}
WORDS = ["late", "parcel", "refund", "thanks", "broken", "login", "slow", "kind", "price"]


def digests(*numbers):
    raw = np.zeros((len(numbers), 16), np.uint8)
    raw[:, 0] = numbers
    return as_digests(raw)


def open_store(cache, width=2):
    return cache.store("key", width, np.float32, DESCRIPTION)


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "cache")


@pytest.fixture(scope="module")
def checkpoint(tiny_encoder):
    return load_checkpoint(tiny_encoder)


@pytest.fixture(scope="module")
def texts(checkpoint):
    rng = np.random.default_rng(0)
    written = [" ".join(rng.choice(WORDS, rng.integers(0, 9))) for _ in range(200)]
    return BertTokenizer.from_files(checkpoint.tokenizer_files).encode(written, max_seq_length=8)


def frozen(checkpoint, cache, outputs=("pooled", "cls", "mean"), last_layer=None, **more):
    return FrozenLayers(
        checkpoint,
        outputs,
        last_layer=last_layer,
        cache=cache,
        progress=Progress("silent"),
        **{"precision": "float32"} | more,
    )


class TestStore:
    def test_rows_come_back_in_the_order_asked(self, cache):
        store = open_store(cache)
        store.append(digests(1, 2), np.array([2, 1]), np.array([[1, 1], [2, 2], [3, 3]]))
        store.append(digests(3), np.array([1]), np.array([[4, 4]]))
        again = open_store(cache)
        entries = again.find(digests(3, 1, 2, 3))
        rows = [values[start : start + n].tolist() for values, start, n in again.places(entries)]
        assert rows == [[[4, 4]], [[1, 1], [2, 2]], [[3, 3]], [[4, 4]]]
        first = again.first_rows(entries, slice(0, 2))
        assert first.dtype == np.float32
        assert first.tolist() == [[4, 4], [1, 1], [3, 3], [4, 4]]
        assert again.first_rows(entries, slice(1, 2)).tolist() == [[4], [1], [3], [4]]
        assert again.find(digests(9, 2)).tolist() == [-1, entries[2]]

    @pytest.mark.parametrize("small", [0, 2**20])
    def test_segments_are_read_alike_whether_small_or_mapped(self, cache, monkeypatch, small):
        monkeypatch.setattr(feature_store, "_SMALL_BYTES", small)
        monkeypatch.setattr(feature_store, "_PICKED_ROWS", 3)
        numbers = np.arange(20, dtype=np.float32)
        for part in np.split(np.random.default_rng(0).permutation(20), 4):
            values = np.repeat(numbers[part], 2).reshape(5, 2)
            open_store(cache).append(digests(*part), np.ones(5, np.int64), values)
        store = open_store(cache)
        entries = store.find(digests(*range(20)))
        assert store.first_rows(entries, slice(0, 1)).ravel().tolist() == numbers.tolist()

    def test_only_what_is_new_is_missing_and_once(self, cache):
        store = open_store(cache)
        store.append(digests(1), np.array([1]), np.ones((1, 2)))
        assert store.missing(digests(2, 1, 3, 2)).tolist() == [0, 2]

    def test_a_damaged_segment_is_as_if_it_never_was(self, cache):
        store = open_store(cache)
        store.append(digests(1), np.array([1]), np.ones((1, 2)))
        store.append(digests(2), np.array([1]), np.ones((1, 2)))
        first = sorted(store.path.glob("segment-*"))[0]
        os.truncate(first / "values.npy", 100)
        again = open_store(cache)
        assert len(again.missing(digests(1, 2))) == 1

    def test_another_width_is_not_taken(self, cache):
        open_store(cache).append(digests(1), np.array([1]), np.ones((1, 2)))
        assert open_store(cache, width=3).missing(digests(1)).tolist() == [0]

    def test_what_a_killed_process_left_is_removed_after_a_day(self, cache):
        store = open_store(cache)
        store.prepare()
        fresh, old = store.path / ".writing-a", store.path / ".writing-b"
        fresh.mkdir()
        old.mkdir()
        yesterday = time.time() - 25 * 3600
        os.utime(old, (yesterday, yesterday))
        open_store(cache)
        assert fresh.exists()
        assert not old.exists()


class TestCache:
    def test_stores_are_listed_and_cleared(self, cache):
        open_store(cache).append(digests(1, 2), np.array([1, 1]), np.ones((2, 2)))
        (info,) = cache.list_stores()
        assert (info.texts, info.encoder, info.content) == (2, "tiny", "representations")
        assert info.size_bytes > 16
        with pytest.raises(SettingsError, match="no store 'x'"):
            cache.clear(["x"])
        assert cache.clear() == info.size_bytes
        assert cache.list_stores() == []
        assert cache.clear() == 0

    def test_a_damaged_segment_is_still_listed_counted_and_cleared(self, cache):
        store = open_store(cache)
        store.append(digests(1), np.array([1]), np.ones((1, 2)))
        os.truncate(next(store.path.glob("segment-*/digests.npy")), 10)
        (info,) = cache.list_stores()
        assert info.texts == 0
        assert 0 < info.size_bytes == cache.clear()
        assert not list(cache.directory.glob("*/*"))

    def test_the_limit_and_the_disk_are_looked_at_first(self, cache, monkeypatch):
        assert cache.room_for(1, 1000) is None
        cache.limit_bytes = 500
        assert "the limit is" in cache.room_for(1, 1000)
        assert "the limit is" in cache.room_for(1, 499)  # a text's digest and place take some
        full = shutil.disk_usage(cache.directory.parent)._replace(free=2**30 + 10)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
        assert "only 0.00 GiB can be used there" in cache.room_for(1, 1000)

    def test_the_directory_can_be_named(self, monkeypatch):
        monkeypatch.setenv("MULTILABEL_CACHE", "/some/where")
        assert str(default_directory()) == "/some/where"
        monkeypatch.delenv("MULTILABEL_CACHE")
        monkeypatch.setenv("XDG_CACHE_HOME", "/x")
        if sys.platform == "linux":
            assert str(default_directory()) == "/x/multilabel-bert"


class TestKeys:
    def test_all_that_determines_a_value_is_in_the_key(self, checkpoint):
        config, tensors = checkpoint.config, dict(checkpoint.tensors)
        keys = {
            store_key(config, tensors, "a", precision="float32"),
            store_key(config, tensors, "b", precision="float32"),
            store_key(config, tensors, "a", precision="bfloat16"),
            store_key(
                config,
                tensors | {"pooler/dense/bias": tensors["pooler/dense/bias"] + 1e-7},
                "a",
                precision="float32",
            ),
        }
        assert len(keys) == 4
        reordered = dict(reversed(tensors.items()))
        assert store_key(config, reordered, "a", precision="float32") in keys

    def test_texts_differ_by_ids_and_by_segments(self, checkpoint):
        tokenizer = BertTokenizer.from_files(checkpoint.tokenizer_files)
        one = text_digests(tokenizer.encode(["late refund", "late refund", "late"]))
        assert one[0] == one[1]
        assert one[0] != one[2]
        a = text_digests(tokenizer.encode(["late"], ["refund refund"]))
        b = text_digests(tokenizer.encode(["late", "x"], ["refund refund", "y"]))
        assert a[0] == b[0]

    def test_a_longer_maximum_finds_the_texts_that_were_not_cut(self, checkpoint):
        tokenizer = BertTokenizer.from_files(checkpoint.tokenizer_files)
        short = text_digests(tokenizer.encode(["late", "late " * 9], max_seq_length=8))
        long = text_digests(tokenizer.encode(["late", "late " * 9], max_seq_length=16))
        assert short[0] == long[0]
        assert short[1] != long[1]


class TestFrozenLayers:
    def test_representations_equal_those_without_a_cache(self, checkpoint, texts, cache):
        plain = frozen(checkpoint, None).representations(texts, "")
        for _ in range(2):
            cached = frozen(checkpoint, cache).representations(texts, "")
            for name, values in plain.items():
                np.testing.assert_allclose(cached[name], values, atol=1e-6)

    def test_hidden_states_equal_those_without_a_cache(self, checkpoint, texts, cache):
        indices = np.array([5, 3, 5, 150])
        plain, cached = (
            frozen(checkpoint, c, ("sequence_output",), 1).hidden_inputs(texts, "").batch(indices)
            for c in (None, cache)
        )
        np.testing.assert_array_equal(plain["attention_mask"], cached["attention_mask"])
        np.testing.assert_allclose(plain["hidden"], cached["hidden"], atol=1e-6)

    def test_a_second_run_computes_nothing_and_new_texts_only_themselves(
        self, checkpoint, texts, cache
    ):
        first = frozen(checkpoint, cache)
        first.representations(texts.subset(np.arange(150)), "")
        again = frozen(checkpoint, cache)
        again.representations(texts.subset(np.arange(150)), "")
        assert "engine" not in vars(again)
        counted = []
        more = frozen(checkpoint, cache)
        run = more.engine.run

        def counting(batches):
            batches = list(batches)
            counted.append(sum(len(b["input_ids"]) for b in batches))
            return run(batches)

        more.engine.run = counting
        more.representations(texts, "")
        new = set(text_digests(texts).tolist()) - set(
            text_digests(texts.subset(np.arange(150))).tolist()
        )
        assert sum(counted) == len(new)

    def test_half_precision_is_the_default_and_halves_the_size(self, checkpoint, texts, tmp_path):
        sizes = []
        for precision in ("float32", "auto"):
            cache = FeatureCache(tmp_path / precision)
            layers = frozen(checkpoint, cache, ("sequence_output",), 1, precision=precision)
            layers.hidden_inputs(texts, "")
            sizes.append(sum(f.stat().st_size for f in cache.directory.rglob("values.npy")))
        assert sizes[1] < 0.52 * sizes[0]

    def test_without_room_it_is_said_and_computed_all_the_same(
        self, checkpoint, texts, cache, capsys
    ):
        cache.limit_bytes = 10
        layers = frozen(checkpoint, cache)
        layers.progress = Progress("auto")
        assert layers.representations(texts, "x")["mean"].shape == (200, 16)
        assert "Not cached: " in capsys.readouterr().err
        assert cache.list_stores() == []

    def test_what_is_there_already_needs_no_room_and_no_progress(
        self, checkpoint, texts, cache, capsys
    ):
        frozen(checkpoint, cache).representations(texts, "Encoding")
        cache.limit_bytes = 10
        layers = frozen(checkpoint, cache)
        layers.progress = Progress("auto")
        layers.representations(texts, "Encoding")
        said = capsys.readouterr().err
        assert said == "In the cache: 200 of 200 texts\n"
        assert "engine" not in vars(layers)

    @pytest.mark.parametrize(
        ("outputs", "layer"), [(("pooled", "cls", "mean"), None), (("sequence_output",), 1)]
    )
    def test_a_place_that_cannot_be_written_to_is_said_and_all_is_computed(
        self, checkpoint, texts, tmp_path, capsys, outputs, layer
    ):
        (tmp_path / "file").write_text("no directory")
        layers = frozen(checkpoint, FeatureCache(tmp_path / "file" / "cache"), outputs, layer)
        layers.progress = Progress("auto")
        if layer is None:
            assert layers.representations(texts, "x")["mean"].shape == (200, 16)
        else:
            assert layers.hidden_inputs(texts, "x").batch(np.array([0]))["hidden"].any()
        assert f"Not cached: Cannot write {tmp_path / 'file'}" in capsys.readouterr().err

    def test_the_cache_may_be_cleared_while_it_is_filled(
        self, checkpoint, texts, cache, monkeypatch
    ):
        monkeypatch.setattr(frozen_layers, "_SEGMENT_BYTES", 40_000)
        monkeypatch.setattr(frozen_layers, "_SEGMENT_TEXTS", 50)
        plain = frozen(checkpoint, None).representations(texts, "")
        layers = frozen(checkpoint, cache)
        run = layers.engine.run

        def clearing(batches):
            cache.clear()
            return run(batches)

        layers.engine.run = clearing
        filled = layers.representations(texts, "")
        for name, values in plain.items():
            np.testing.assert_allclose(filled[name], values, atol=1e-6)
        (info,) = cache.list_stores()
        assert 0 < info.texts <= 50


WRITER = textwrap.dedent(
    """
    import sys
    import numpy as np
    from multilabel_bert.training.feature_cache import FeatureCache
    from multilabel_bert.training.feature_store import as_digests

    directory, start = sys.argv[1], int(sys.argv[2])
    cache = FeatureCache(directory)
    print("ready", flush=True)
    for number in range(start, start + 100):
        store = cache.store("key", 64, np.float32, {
            "encoder": "tiny", "content": "representations", "precision": "float32"})
        raw = np.zeros((8, 16), np.uint8)
        raw[:, 0], raw[:, 1], raw[:, 2] = np.arange(8), number % 256, number // 256
        store.append(as_digests(raw), np.full(8, 50), np.full((400, 64), number))
    """
)


def start_writer(directory, start=0):
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(directory), str(start)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    return process


def numbers_in(directory):
    """Every number whose texts are there; checks that each row holds its own number."""
    store = FeatureCache(directory).store("key", 64, np.float32, DESCRIPTION)
    found = set()
    for digest, entry in store._entries.items():
        number = digest[1] + 256 * digest[2]
        ((values, start, length),) = store.places(np.array([entry]))
        assert length == 50
        assert (values[start : start + length] == number).all()
        found.add(number)
    return found


def test_a_kill_at_any_moment_leaves_only_whole_texts(tmp_path):
    for seconds in (0.0, 0.02, 0.1):
        process = start_writer(tmp_path)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        numbers_in(tmp_path)
    process = start_writer(tmp_path)
    assert process.wait() == 0
    process.stdout.close()
    assert numbers_in(tmp_path) == set(range(100))


def test_two_processes_can_write_at_once(tmp_path):
    processes = [start_writer(tmp_path, start) for start in (0, 50)]
    for process in processes:
        assert process.wait() == 0
        process.stdout.close()
    assert numbers_in(tmp_path) == set(range(150))
