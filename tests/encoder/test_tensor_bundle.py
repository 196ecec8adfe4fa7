"""TensorFlow's checkpoint format: read as TensorFlow reads it, and every kind of damage."""

import ml_dtypes
import numpy as np
import pytest
from tiny_checkpoints import table_bytes, write_bundle

from multilabel_bert.encoder.leveldb_table import TableError, crc32c, read_table, read_varint
from multilabel_bert.encoder.release_folder import DirectoryFolder
from multilabel_bert.encoder.tensor_bundle import TensorBundle
from multilabel_bert.errors import CheckpointError

TENSORS = {
    "bert/a/kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
    "bert/a/bias": np.array([1.5, -2], np.float32),
    "bert/half": np.array([[0.5, 7.0]], np.float16),
    "bert/brain": np.array([0.5, -3.0], ml_dtypes.bfloat16),
    "global_step": np.array(12, np.int64),
    **{f"bert/many_{i:02d}": np.full((i,), i, np.float32) for i in range(20)},
}


@pytest.fixture
def prefix(tmp_path):
    return write_bundle(tmp_path / "model.ckpt", TENSORS)


def bundle(prefix):
    return TensorBundle(DirectoryFolder(prefix.parent), prefix.name)


def assert_reads_all(prefix):
    read = bundle(prefix)
    assert set(read.entries) == set(TENSORS)
    for name, array in TENSORS.items():
        assert read.shape(name) == array.shape
        actual = read.read(name)
        assert actual.dtype == (np.int64 if name == "global_step" else np.float32)
        np.testing.assert_array_equal(actual, array.astype(actual.dtype))


def test_crc32c_equals_the_published_vectors():
    # RFC 3720, B.4
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(bytes(range(32))) == 0x46DD794E


@pytest.mark.parametrize("shards", [1, 3])
def test_every_tensor_of_every_type_and_shard_is_read(tmp_path, shards):
    assert_reads_all(write_bundle(tmp_path / "model.ckpt", TENSORS, shards=shards))


def test_what_is_read_can_be_written_to_and_outlives_the_file(prefix):
    array = bundle(prefix).read("bert/a/bias")
    data = prefix.with_name("model.ckpt.data-00000-of-00001")
    data.write_bytes(bytes(data.stat().st_size))
    array += 1
    assert array.tolist() == [2.5, -1]


@pytest.mark.parametrize("keep", [0, 3, 47, 200])
def test_an_index_that_is_cut_off_is_named(prefix, keep):
    index = prefix.with_name("model.ckpt.index")
    index.write_bytes(index.read_bytes()[:keep])
    with pytest.raises(CheckpointError) as caught:
        bundle(prefix)
    assert str(caught.value) == (
        f"{index} cannot be used: its {keep} bytes do not end with the mark of a TensorFlow "
        "index: it is cut off, or another kind of file."
    )


def test_every_changed_byte_of_an_index_is_noticed(prefix):
    path = prefix.with_name("model.ckpt.index")
    content = path.read_bytes()
    meta, position = read_varint(content, len(content) - 48)
    _, position = read_varint(content, position)
    index, _ = read_varint(content, position)
    assert meta > 100
    for changed in [*range(0, meta, 7), *range(index, len(content) - 48)]:
        damaged = bytearray(content)
        damaged[changed] ^= 0x10
        path.write_bytes(bytes(damaged))
        with pytest.raises(CheckpointError, match="model.ckpt.index cannot be used: a checksum"):
            bundle(prefix)


def test_a_compressed_index_is_refused_with_the_way_out():
    data = table_bytes({b"a": b"1"}, compression=1)
    with pytest.raises(TableError, match="Load and save the checkpoint once with a newer Tensor"):
        read_table(data)


def test_data_that_is_cut_off_names_file_and_tensor(prefix):
    data = prefix.with_name("model.ckpt.data-00000-of-00001")
    size = data.stat().st_size
    data.write_bytes(data.read_bytes()[:-8])
    read = bundle(prefix)
    np.testing.assert_array_equal(read.read("bert/a/kernel"), TENSORS["bert/a/kernel"])
    with pytest.raises(CheckpointError) as caught:
        read.read("global_step")
    assert str(caught.value) == (
        f"{data} is cut off: global_step ends at byte {size}, but the file has {size - 8}. "
        "Download or copy it again."
    )


def test_an_empty_data_file_is_cut_off_too(prefix):
    prefix.with_name("model.ckpt.data-00000-of-00001").write_bytes(b"")
    with pytest.raises(CheckpointError, match="bert/a/bias ends at byte 8, but the file has 0"):
        bundle(prefix).read("bert/a/bias")


def test_a_missing_shard_names_file_and_tensor(tmp_path):
    prefix = write_bundle(tmp_path / "m", TENSORS, shards=2)
    (tmp_path / "m.data-00001-of-00002").unlink()
    read = bundle(prefix)
    second = sorted(TENSORS)[1]
    with pytest.raises(CheckpointError) as caught:
        read.read(second)
    assert f"m.data-00001-of-00002 does not exist, but {second} is in it" in str(caught.value)
    assert "Copy all 2 .data file(s) of the checkpoint beside" in str(caught.value)


def test_partitioned_variables_are_refused_when_they_are_needed(tmp_path):
    prefix = write_bundle(
        tmp_path / "m", TENSORS, partitioned=["bert/half"], more={b"\0\x01slice": b"\x08\x01"}
    )
    read = bundle(prefix)
    assert set(read.entries) == set(TENSORS)
    read.read("bert/brain")
    with pytest.raises(CheckpointError, match=r"m.index: bert/half is a partitioned variable"):
        read.read("bert/half")


def test_big_endian_and_object_based_checkpoints_are_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"m.index says that its numbers are big endian"):
        bundle(write_bundle(tmp_path / "m", TENSORS, endianness=1))
    prefix = write_bundle(
        tmp_path / "o", TENSORS, more={b"_CHECKPOINTABLE_OBJECT_GRAPH": b"\x08\x07"}
    )
    with pytest.raises(CheckpointError) as caught:
        bundle(prefix)
    assert "o.index is a TensorFlow 2 object-based checkpoint" in str(caught.value)
    assert "Take the TensorFlow 1 release of the same model" in str(caught.value)


def test_the_old_single_file_format_is_named(tmp_path):
    (tmp_path / "bert_model.ckpt").write_bytes(table_bytes({b"": b"\x0a\x00"}))
    with pytest.raises(CheckpointError, match="is a checkpoint of TensorFlow's old format V1"):
        bundle(tmp_path / "bert_model.ckpt")


def test_other_types_and_wrong_sizes_are_named(tmp_path):
    from tiny_checkpoints import entry_bytes

    more = {b"text": entry_bytes(7, (1,), 0, 0, 5), b"short": entry_bytes(1, (4,), 0, 0, 12)}
    read = bundle(write_bundle(tmp_path / "m", TENSORS, more=more))
    with pytest.raises(CheckpointError, match="text has TensorFlow's data type number 7; expected"):
        read.read("text")
    with pytest.raises(CheckpointError, match=r"short with shape \[4\] needs 16 bytes, but the in"):
        read.read("short")


def test_entries_that_cannot_be_decoded_are_named(tmp_path):
    prefix = write_bundle(tmp_path / "m", TENSORS, more={b"bad": b"\x0f\xff"})
    with pytest.raises(CheckpointError, match="m.index cannot be used: an entry cannot be decoded"):
        bundle(prefix)


@pytest.fixture(scope="module")
def tf():
    return pytest.importorskip("tensorflow")


class TestAgainstTensorFlow:
    def save(self, tf, prefix, names):
        tf.raw_ops.SaveV2(
            prefix=str(prefix),
            tensor_names=list(names),
            shape_and_slices=[""] * len(names),
            tensors=[tf.constant(TENSORS[name]) for name in names],
        )

    def test_what_tensorflow_writes_is_read(self, tf, tmp_path):
        self.save(tf, tmp_path / "m", sorted(TENSORS))
        assert_reads_all(tmp_path / "m")

    def test_shards_that_tensorflow_writes_are_read(self, tf, tmp_path):
        names = sorted(TENSORS)
        parts = [tmp_path / "part_a", tmp_path / "part_b"]
        for part, chosen in zip(parts, (names[::2], names[1::2]), strict=True):
            self.save(tf, part, chosen)
        tf.raw_ops.MergeV2Checkpoints(
            checkpoint_prefixes=[str(part) for part in parts],
            destination_prefix=str(tmp_path / "m"),
            delete_old_dirs=False,
        )
        assert (tmp_path / "m.data-00001-of-00002").is_file()
        assert_reads_all(tmp_path / "m")

    def test_tensorflow_reads_what_the_tests_write(self, tf, prefix):
        reader = tf.train.load_checkpoint(str(prefix))
        assert set(reader.get_variable_to_shape_map()) == set(TENSORS)

    def test_slices_of_tensorflow_are_refused(self, tf, tmp_path):
        tf.raw_ops.SaveV2(
            prefix=str(tmp_path / "m"),
            tensor_names=["v", "v", "w"],
            shape_and_slices=["4 2 0,2:0,2", "4 2 2,2:0,2", ""],
            tensors=[tf.ones((2, 2)), tf.ones((2, 2)), tf.ones(3)],
        )
        read = bundle(tmp_path / "m")
        assert set(read.entries) == {"v", "w"}
        assert read.shape("v") == (4, 2)
        with pytest.raises(CheckpointError, match="v is a partitioned variable"):
            read.read("v")

    def test_tensorflow_2_checkpoints_are_named(self, tf, tmp_path):
        path = tf.train.Checkpoint(v=tf.Variable(1.0)).save(str(tmp_path / "m"))
        with pytest.raises(CheckpointError, match="m-1.index is a TensorFlow 2 object-based"):
            bundle(tmp_path / path.rpartition("/")[2])

    def test_tensorflows_old_format_is_named(self, tf, tmp_path):
        tf.raw_ops.Save(filename=str(tmp_path / "m"), tensor_names=["v"], data=[tf.ones(3)])
        with pytest.raises(CheckpointError, match="m is a checkpoint of TensorFlow's old format"):
            bundle(tmp_path / "m")

    def test_googles_checkpoint_equals_tensorflows_reader(self, tf, shared_fixtures):
        for prefix in ("bert_model.ckpt", "finetuned/model.ckpt-12"):
            path = shared_fixtures / "google_bert" / "tiny" / prefix
            reader, ours = tf.train.load_checkpoint(str(path)), bundle(path)
            assert set(ours.entries) == set(reader.get_variable_to_shape_map())
            for name in ours.entries:
                np.testing.assert_array_equal(ours.read(name), reader.get_tensor(name))
