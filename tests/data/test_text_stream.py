"""Texts alone, for prediction."""

import gzip
import io
import json
import tracemalloc

import polars as pl
import pytest

from multilabel_bert.data import DataLayout, iterate_texts, read_dataset, read_texts
from multilabel_bert.errors import DataError, SettingsError

LAYOUT = DataLayout("text", label_columns=("x",), label_format="indicator", header=True)


def test_batches_keep_the_order_and_columns(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("id,text,x,n\n" + "".join(f'{i},"text,\n{i}",1,v{i}\n' for i in range(25)))
    batches = list(iterate_texts(path, layout=LAYOUT, batch_rows=10, id_column="id", columns=["n"]))
    assert [len(batch) for batch in batches] == [10, 10, 5]
    assert batches[1].texts[0] == "text,\n10"
    assert batches[1].ids[0] == "10"
    assert batches[1].columns == {"n": [f"v{i}" for i in range(10, 20)]}
    assert batches[1].rows[0] == 12
    everything = read_texts(path, layout=LAYOUT, columns="all")
    assert list(everything.columns) == ["id", "text", "x", "n"]
    assert len(everything) == 25


def test_labels_are_not_needed(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("text\nhello\n")
    assert read_texts(path, layout=LAYOUT).texts == ["hello"]


def test_pairs(tmp_path):
    path = tmp_path / "d.jsonl"
    path.write_text('{"text_a": "a", "text_b": "b"}\n{"text_a": "c", "text_b": null}\n')
    batch = read_texts(path)
    assert (batch.texts, batch.text_pairs) == (["a", "c"], ["b", ""])


def test_plain_text_files_hold_one_text_a_line(tmp_path):
    path = tmp_path / "d.txt"
    path.write_bytes('\ufeffHello, you\r\n\r\n"quoted\nlast'.encode())
    batch = read_texts(path, layout=LAYOUT)
    assert batch.texts == ["Hello, you", "", '"quoted', "last"]
    assert batch.rows.tolist() == [1, 2, 3, 4]
    assert batch.ids is None
    assert read_texts(path).texts == batch.texts


def test_a_txt_file_with_the_text_column_is_a_table(tmp_path):
    path = tmp_path / "d.txt"
    path.write_text("id\ttext\n1\thello\n")
    assert read_texts(path, layout=LAYOUT).texts == ["hello"]
    assert read_texts(path).texts == ["hello"]
    assert read_texts(path, layout=LAYOUT, file_format="txt").texts == ["id\ttext", "1\thello"]


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        (b"one, two\nthree\n", ["one, two", "three"]),
        (b'{"text": "one"}\n\n{"text": "two"}\n', ["one", "two"]),
        (b"text,x\none,1\n", ["one"]),
        (b"text\none\n", ["one"]),
        (gzip.compress(b"text,x\none,1\n", mtime=0), ["one"]),
        ("text,x\nné,1\n".encode("utf-16"), ["né"]),
    ],
)
def test_streams_are_told_apart_by_content(content, texts):
    stream = io.BytesIO(content)
    assert read_texts(stream, layout=LAYOUT).texts == texts
    assert not stream.closed


def test_text_streams_and_standard_input(monkeypatch):
    assert read_texts(io.StringIO("a\nb\n")).texts == ["a", "b"]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("né\n".encode()), "ascii"))
    import sys

    assert read_texts(sys.stdin).texts == ["né"]


def test_a_pipe_is_read_as_it_comes():
    class Slow(io.RawIOBase):
        def __init__(self, parts):
            self.parts = parts

        def readable(self):
            return True

        def readinto(self, buffer):
            part = self.parts.pop(0) if self.parts else b""
            buffer[: len(part)] = part
            return len(part)

    parts = [b"a", b"\xc3", b"\xa9\nb", b"\n", b"c"]
    assert read_texts(io.BufferedReader(Slow(parts))).texts == ["a\u00e9", "b", "c"]


def test_parquet_from_files_and_streams(tmp_path):
    path = tmp_path / "d.parquet"
    pl.DataFrame({"text": [f"t{i}" for i in range(25_000)], "id": range(25_000)}).write_parquet(
        path
    )
    batch = read_texts(path, layout=LAYOUT, id_column="id")
    assert batch.texts[-1] == "t24999"
    assert batch.ids[:2] == ["0", "1"]
    assert batch.rows[-1] == 25_000
    assert read_texts(io.BytesIO(path.read_bytes())).texts == batch.texts
    zipped = tmp_path / "d.parquet.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    assert read_texts(zipped).texts == batch.texts


def test_json_lists(tmp_path):
    path = tmp_path / "d.json"
    path.write_text('[{"text": "a"}, {"text": null}]')
    assert read_texts(path).texts == ["a", ""]


def test_tsv_without_header_as_the_training_file(tmp_path):
    (tmp_path / "labels.txt").write_text("x\ny")
    train = tmp_path / "train.tsv"
    train.write_text('a text\t0\n"b"" text"\t0,1\n')
    layout = read_dataset(train).layout
    assert read_texts(train, layout=layout).texts == ["a text", 'b" text']
    assert read_texts(io.BytesIO(b"c text\t1\n"), layout=layout).texts == ["c text"]
    texts_alone = tmp_path / "new.tsv"
    texts_alone.write_text("d text\ne text\n")
    assert read_texts(texts_alone, layout=layout).texts == ["d text", "e text"]


def test_quotes_that_come_late_in_a_tsv_are_seen(tmp_path):
    path = tmp_path / "d.tsv"
    path.write_text("text\tx\n" + "a\t1\n" * 5_000 + '"he said ""no"""\t0\n')
    assert read_texts(path).texts[-1] == 'he said "no"'
    path.write_text("text\tx\n" + "a\t1\n" * 5_000 + '"no" he said\t0\n')
    assert read_texts(path).texts[-1] == '"no" he said'
    assert read_dataset(path).texts[-1] == '"no" he said'


def test_html_is_removed_as_the_layout_says():
    layout = DataLayout("text", header=True, clean_html=True)
    assert read_texts(io.BytesIO(b"text,x\n<b>a</b>,1\n"), layout=layout).texts == ["a"]
    assert read_texts(
        io.BytesIO(b"text,x\n<b>a</b>,1\n"), layout=layout, clean_html=False
    ).texts == ["<b>a</b>"]


def test_memory_does_not_grow_with_the_file(tmp_path):
    peaks = []
    for rows in (8_000, 40_000):  # 2.4 and 12 MB
        path = tmp_path / f"{rows}.csv"
        path.write_text("text,x\n" + f"{'word ' * 60},1\n" * rows)
        list(iterate_texts(path, batch_rows=100))  # imports
        tracemalloc.start()
        assert sum(len(batch) for batch in iterate_texts(path, batch_rows=100)) == rows
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def write(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("d.csv", b"", {}, "d.csv is empty"),
        ("d.txt", b"\n\n", {}, "is empty"),
        ("d.csv", b"txt,x\na,1\n", {"layout": LAYOUT},
         r"has no column 'text' \(the text column\)\. Did you mean 'txt'\?.*--text-column"),
        ("d.csv", b"text,x\na,1\n", {"columns": ["y"]}, r"no column 'y' \(the column to keep\)"),
        ("d.csv", b"text,x\na,1\n", {"id_column": "nr"}, "no column 'nr'"),
        ("d.csv", b"text,x\na,1\n", {"layout": LAYOUT, "pair_column": "p"}, "no column 'p'"),
        ("d.csv", b"text,x\na,1\nb\n", {}, "row 3: 1 field, where the first row has 2"),
        ("d.csv", b'text,x\n"a,1\n', {"header": True}, "row 2: a double quote"),
        ("d.csv", b"text,x\n", {}, "has a header row but no rows"),
        ("d.jsonl", b'{"text": "a"}\n{"text"\n', {}, "line 2: not JSON"),
        ("d.jsonl", b'{"text": "a"}\n' * 300 + b'{"text": ["b"]}\n', {},
         r"row 301, column 'text': expected a text, got list"),
        ("d.parquet", b"PAR1", {}, "cannot be read as Parquet"),
        ("d.csv", b"text,x\n" + b"a,1\n" * 400_000 + "é,1\n".encode("latin-1"), {},
         r"line 400002: byte 0xe9 at position 1600007 is not UTF-8.*--encoding cp1252"),
        ("d.csv.gz", gzip.compress(b"text,x\na,1\n" * 99, mtime=0)[:-9], {},
         "gzip file is damaged"),
        ("d.csv.gz", b"\x1f\x8b\x08", {}, "gzip file is damaged"),
        ("d.csv", b"PK\x03\x04", {}, "is a zip file"),
        ("d.csv", b"text,x\na,1\n", {"file_format": "cvs"}, "Unknown file format 'cvs'"),
        ("d.csv", b"text,x\na,1\n", {"batch_rows": 0}, "batch_rows: expected 1 or more, got 0"),
    ],
)  # fmt: skip
def test_messages(tmp_path, name, content, options, message):
    path = write(tmp_path, name, content)
    with pytest.raises((DataError, SettingsError), match=message):
        read_texts(path, **options)


def test_messages_of_streams_name_them(monkeypatch):
    with pytest.raises(DataError, match="the stream is empty"):
        read_texts(io.BytesIO(b""))
    with pytest.raises(DataError, match="the stream: the gzip file is damaged"):
        read_texts(io.BytesIO(b"\x1f\x8b\x08"))
    with pytest.raises(DataError, match=r"no such file"):
        read_texts("nowhere.csv")


def test_a_json_line_without_the_text_is_an_empty_text():
    lines = "\n".join(json.dumps(item) for item in ({"text": "a"}, {"other": 1}))
    assert read_texts(io.StringIO(lines), layout=LAYOUT).texts == ["a", ""]
