# ruff: noqa: E501 (a table of cases reads best one a line)
"""What a user can get wrong in a file, and what they are told."""

import gzip
import re

import polars as pl
import pytest

from multilabel_bert.data import file_bytes, read_dataset
from multilabel_bert.errors import DataError, LabelError, MultilabelError, SettingsError

CASES = {
    # name: file name, content, options, error, part of its message
    "value": ("d.csv", "text,x,y\na,1,0\nb,2,1\n", {}, LabelError,
              r"d\.csv row 3, column 'x': the label is '2'; expected 1 or true \(yes\).*--label-columns"),
    "value given": ("d.csv", "text,x,y\na,maybe,0\nb,0,1\n", {"label_columns": "x,y"}, LabelError,
                    r"row 2, column 'x': the label is 'maybe'"),
    "value number": ("d.jsonl", '{"text":"a","x":1,"y":0}\n{"text":"b","x":3,"y":1}\n', {}, LabelError,
                     r"row 2, column 'x': the label is 3;"),
    "value fraction": ("d.jsonl", '{"text":"a","x":1,"y":0}\n{"text":"b","x":0.5,"y":1}\n', {},
                       LabelError, r"the label is 0\.5;"),
    "no text column": ("d.csv", "text,x\na,1\n", {"text_column": "txt"}, DataError,
                       r"has no column 'txt' \(the text column\)\. Did you mean 'text'\? Its columns: "
                       r"'text', 'x'\. The first row was read as column names\. .*--text-column"),
    "no pair column": ("d.csv", "text,x\na,1\n", {"pair_column": "p"}, DataError,
                       r"no column 'p' \(the pair column\)"),
    "no id column": ("d.csv", "text,x\na,1\n", {"id_column": "nr"}, DataError, r"no column 'nr'"),
    "no label column": ("d.csv", "text,toxic\na,1\n", {"label_columns": "toxik"}, DataError,
                        r"no column 'toxik' \(the label column\)\. Did you mean 'toxic'"),
    "label column twice": ("d.csv", "text,x\na,1\n", {"label_columns": "x,x"}, SettingsError,
                           r"--label-columns \(in Python label_columns\): 'x' is named twice"),
    "header twice": ("d.csv", "text,x,x\na,1,0\n", {}, DataError,
                     r"row 1: the column name 'x' occurs twice \(columns 2 and 3\).*--no-header"),
    "empty": ("d.csv", "", {}, DataError, r"d\.csv is empty\. Expected a table"),
    "blank": ("d.csv", " \n\n", {}, DataError, "is empty"),
    "bom alone": ("d.csv", b"\xef\xbb\xbf", {}, DataError, "is empty"),
    "header alone": ("d.csv", "text,x\n", {}, DataError,
                     r"has a header row \('text', 'x'\) but no rows"),
    "open quote in the last line": ("d.csv", 'x,text\n0,b\n1,"a', {}, DataError, "row 3: a double quote"),
    "more fields": ("d.csv", "text,x\na,1\nb, and c,0\n", {}, DataError,
                    r"d\.csv row 3: 3 fields, where the first row has 2: 'b, and c,0'\. Quote texts "
                    r"that contain ','"),
    "fewer fields": ("d.csv", "text,x,y\na,1,0\nb,1\n", {}, DataError,
                     r"row 3: 2 fields, where the first row has 3"),
    "fewer fields among empty cells": ("d.csv", 'text,x,y\n"a, b",1,\nb,1\n"c,",1,\n', {}, DataError,
                                       r"row 3: 2 fields, where the first row has 3: 'b,1'"),
    "blank line after fewer fields": ("d.csv", "text,x\na,1\n\nb\n", {}, DataError, r"row 4: 1 field,"),
    "fewer fields tsv": ("d.tsv", "text\tx\na\t1\nb\n", {}, DataError, r"row 3: 1 field, where the first row has 2"),
    "open quote": ("d.csv", 'text,x\n"a,1\nb,0\n', {}, DataError,
                   r"row 2: a double quote opens a field and is never closed \(it starts with 'a,1\\nb,0.*"
                   r"--no-quoting \(in Python quoting=False\)"),
    "open quote at the end": ("d.csv", 'x,text\n1,"a\n0,b\n', {}, DataError, "row 2: a double quote"),
    "encoding": ("d.csv", "text,x\ncafé,1\n".encode("cp1252"), {}, DataError,
                 r"d\.csv line 2: byte 0xe9 at position 10 is not UTF-8\. In cp1252 .* reads "
                 r"'text,x\\ncafé,1\\n'; if that is right, say --encoding cp1252 \(in Python "
                 r"encoding='cp1252'\)\. Others: latin-1"),
    "unknown encoding": ("d.csv", "text,x\na,1\n", {"encoding": "cp1522"}, SettingsError,
                         r"Unknown encoding 'cp1522'\. Did you mean 'cp1252'"),
    "utf-16 without bom": ("d.csv", "text,x\na,1\n".encode("utf-16-le"), {}, DataError,
                           r"NUL bytes.*--encoding utf-16-le"),
    "workbook": ("d.xlsx", b"PK\x03\x04....", {}, DataError,
                 r"is an Excel workbook.*save it as 'CSV UTF-8'"),
    "zip": ("d.csv", b"PK\x03\x04....", {}, DataError, r"is a zip file.*unpack it"),
    "broken gzip": ("d.csv.gz", gzip.compress(b"text,x\na,1\n" * 99, mtime=0)[:-9], {}, DataError,
                    "gzip file is damaged"),
    "broken parquet": ("d.parquet", b"PAR1 nothing", {}, DataError, "cannot be read as Parquet"),
    "bad json line": ("d.jsonl", '{"text":"a","x":1}\n{"text":\n', {}, DataError,
                      r"line 2: not JSON \(Expecting value at character \d+\)\. Expected one object"),
    "json list line": ("d.jsonl", "[1]\n", {}, DataError, r"line 1: expected a JSON object.*got a list"),
    "bad json": ("d.json", '[{"text": ]', {}, DataError, r"not JSON \(.* in line 1\)"),
    "json of strings": ("d.json", '["a"]', {}, DataError, r"expected a list of objects.*got a list of str"),
    "no text": ("d.csv", "text,x\n,1\n,0\n", {}, DataError,
                r"the text column 'text' is empty in all 2 rows.*--text-column"),
    "no strings": ("d.jsonl", '{"x":1,"y":0}\n', {}, DataError, r"no column can be the text"),
    "list as text": ("d.jsonl", '{"t":["a"],"text":"b","x":1}\n', {"text_column": "t"}, DataError,
                     r"column 't' holds lists, where texts are expected"),
    "not a list": ("d.csv", 'text,labels\na,"[1, 2"\n', {"label_format": "list"}, LabelError,
                   r"row 2, column 'labels': '\[1, 2' is not a list"),
    "item without name": ("d.csv", 'text,labels\na,"[{""id"": 1}]"\n', {}, LabelError,
                          r"the item \{'id': 1\} of the list names no label"),
    "objects without name": ("d.jsonl", '{"text":"a","labels":[{"id":1}]}\n', {}, LabelError,
                             r"objects have no key 'name' or 'label'; they have 'id'"),
    "lists and plain names": ("d.jsonl", '{"text":"a","labels":"joy"}\n{"text":"b","labels":["fear"]}\n',
                              {}, LabelError, r"row 2, column 'labels': '\[\"fear\"\]' is a list, and other rows"),
    "item without name among names": ("d.jsonl", '{"text":"a","labels":["x"]}\n{"text":"b","labels":[{"id":1}]}\n',
                                      {}, LabelError, r"row 2, column 'labels': an item of the list"),
    "null item": ("d.jsonl", '{"text":"a","labels":["x",null]}\n', {}, LabelError,
                  r"row 1, column 'labels': an item of the list has no name"),
    "index without names": ("d.csv", "text,labels\na,1\n", {"label_format": "index"}, DataError,
                            r"label indexes need a file of names.*--labels NAMES\.txt"),
    "index too large": ("d.csv", 'text,labels\na,"0,7"\n', {"label_names": ["x", "y"]}, LabelError,
                        r"row 2, column 'labels': '7' is not a label index\. Expected 0 to 1"),
    "vector length": ("d.jsonl", '{"text":"a","labels":[0,1]}\n{"text":"b","labels":[0]}\n',
                      {"label_format": "vector", "label_names": ["x", "y"]}, LabelError,
                      r"row 2, column 'labels': 1 values, where there are 2 labels"),
    "vector value": ("d.jsonl", '{"text":"a","labels":[0,2]}\n',
                     {"label_format": "vector", "label_names": ["x", "y"]}, LabelError,
                     r"value 2 of the list is 2; expected 1"),
    "mixed columns": ("d.csv", "text,x,Product\na,1,Card\nb,0,Loan\n", {"label_columns": "x,Product"},
                      SettingsError, r"'x' hold 0/1 and 'Product' hold other values.*--label-format"),
    "two columns of lists": ("d.csv", "text,l,m\na,x,y\n",
                             {"label_columns": "l,m", "label_format": "delimited"}, SettingsError,
                             r"needs one label column, got 2: 'l', 'm'"),
    "names of missing columns": ("d.csv", "text,anger,joy,love\na,1,0,1\n",
                                 {"label_names": ["anger", "joy", "loves"]}, LabelError,
                                 r"no column for the label 'loves' \(from label_names\)\. Did you mean "
                                 r"'love'\?"),
    "names other than columns": ("d.csv", "text,x,y\na,1,0\n",
                                 {"label_names": ["x"], "label_columns": "x,y"}, LabelError,
                                 r"the label column 'y' is not among the names of label_names: 'x'"),
    "columns fewer than names": ("d.csv", "text,x,y\na,1,0\n",
                                 {"label_names": ["x", "y"], "label_columns": "x"}, LabelError,
                                 r"no label column for 'y'"),
    "names twice": ("d.csv", "text,x\na,1\n", {"label_names": ["x", "x"]}, LabelError,
                    r"label_names: the label name 'x' occurs twice \(number 1 and 2\)"),
    "names in two ways": ("d.csv", "text,x\na,1\n", {"label_names": ["x"], "labels_file": "n"},
                          LabelError, r"given twice: as label_names and by --labels"),
    "several candidates": ("d.csv", "text,City,Kind\n" + "a,Rome,x\nb,Oslo,y\n" * 9, {}, DataError,
                           r"cannot tell which columns hold the labels: several columns may hold "
                           r"labels: 'City', 'Kind'\. Say which do: --label-columns City,Kind"),
    "several lists": ("d.csv", 'text,p,q\na,"[""x""]","[""y""]"\n', {}, DataError,
                      r"2 columns hold lists: 'p', 'q'.*--label-columns p"),
    "label format": ("d.csv", "text,x\na,1\n", {"label_format": "indicators"}, SettingsError,
                     r"--label-format .*'indicators' is not known\. Did you mean 'indicator'"),
    "delimiter": ("d.csv", "text,x\na,1\n", {"delimiter": "::"}, SettingsError, r"expected one character"),
    "unknown labels": ("d.csv", "text,x\na,1\n", {"unknown_labels": "ignored"}, SettingsError,
                       r"--unknown-labels .*expected error or ignore, got 'ignored'\. Did you mean 'ignore'"),
    "empty text": ("d.csv", "text,x\na,1\n", {"empty_text": "skip"}, SettingsError,
                   r"--empty-text .*expected error or drop or keep, got 'skip'"),
    "empty labels": ("d.csv", "text,x\na,1\n", {"empty_labels": "zero"}, SettingsError,
                     r"--empty-labels .*expected none or unknown, got 'zero'"),
    "categorical list": ("d.jsonl", '{"text":"a","l":["x"]}\n',
                         {"label_columns": "l", "label_format": "categorical"}, LabelError,
                         r"column 'l': holds lists, where one value is expected"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_message(case, tmp_path):
    name, content, options, error, message = case
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(error) as caught:
        read_dataset(path, **options)
    assert type(caught.value) is error
    assert re.search(message, str(caught.value)), str(caught.value)
    assert "  " not in str(caught.value)
    assert "None" not in str(caught.value)


def test_a_missing_file_names_near_ones(tmp_path):
    (tmp_path / "train.tsv").write_text("text\tx\na\t1\n")
    with pytest.raises(DataError, match=r"tran\.tsv: no such file\. Did you mean 'train\.tsv'\?"):
        read_dataset(tmp_path / "tran.tsv")
    with pytest.raises(DataError, match=r"zzz: no such file\. The files of .* are 'train\.tsv'"):
        read_dataset(tmp_path / "zzz")
    with pytest.raises(DataError, match=r"the directory .*nowhere does not exist either"):
        read_dataset(tmp_path / "nowhere" / "train.tsv")
    with pytest.raises(
        DataError, match=r"is a directory, where one file is expected\. Its files: 'train"
    ):
        read_dataset(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a\nb\na\n", r"the label name 'a' occurs twice \(lines 1 and 3\)"),
        ("a\n\nb\n", r"line 2 is blank"),
        ("\n", "is empty"),
    ],
)
def test_names_files_are_checked(tmp_path, content, message):
    data = tmp_path / "d.csv"
    data.write_text("text,a\nx,1\n")
    names = tmp_path / "names.txt"
    names.write_text(content)
    with pytest.raises(DataError, match=message):
        read_dataset(data, labels_file=names)
    with pytest.raises(DataError, match="no such file"):
        read_dataset(data, labels_file=tmp_path / "other.txt")


def test_with_a_layout_a_missing_column_is_named(tmp_path):
    train = tmp_path / "train.csv"
    train.write_text("text,anger,joy\na,1,0\n")
    layout = read_dataset(train).layout
    dev = tmp_path / "dev.csv"
    dev.write_text("text,anger,joys\na,1,0\n")
    with pytest.raises(LabelError) as caught:
        read_dataset(dev, layout=layout, label_names=("anger", "joy"))
    assert "lacks the label column 'joy', which the training data has. Did you mean 'joys'?" in str(
        caught.value
    )
    dev.write_text("txt,anger,joy\na,1,0\n")
    with pytest.raises(
        DataError, match=r"no column 'text' .*Did you mean 'txt'\?.*The training data has it"
    ):
        read_dataset(dev, layout=layout)
    dev.write_text("text\na\n")
    with pytest.raises(DataError, match="the label columns of the training data are missing"):
        read_dataset(dev, layout=layout)
    assert read_dataset(dev, layout=layout, require_labels=False).labels is None
    dev.write_text("message,anger,joy\na,1,0\n")
    assert read_dataset(dev, layout=layout, text_column="message").texts == ["a"]


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = tmp_path / "d.csv"
    path.write_text("text,x\na,1\n")

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(DataError, match="permission denied"):
        read_dataset(path)


def test_every_error_is_one_the_command_translates():
    assert all(issubclass(case[3], MultilabelError) for case in CASES.values())


def test_parquet_without_rows(tmp_path):
    pl.DataFrame({"text": [], "x": []}, schema={"text": pl.String, "x": pl.Int8}).write_parquet(
        tmp_path / "d.parquet"
    )
    with pytest.raises(DataError, match=r"has no rows\. .*'text', 'x'"):
        read_dataset(tmp_path / "d.parquet")


@pytest.mark.parametrize("piece", [1, 2, 3, 5, 7])
def test_a_text_is_checked_piece_by_piece(tmp_path, monkeypatch, piece):
    monkeypatch.setattr(file_bytes, "_PIECE", piece)
    rows = [f"{'é😀漢' * n}x,{n % 2}" for n in range(1, 6)]
    content = ("text,late\n" + "\n".join(rows) + "\n").encode()
    path = tmp_path / "d.csv"
    path.write_bytes(content)
    assert read_dataset(path).texts[1] == "é😀漢é😀漢x"
    # The place of a wrong byte is told in the whole file, wherever the pieces end.
    for place in range(12, len(content) - 1):
        path.write_bytes(content[:place] + b"\xff" + content[place:])
        with pytest.raises(DataError, match=r"d\.csv line \d+: byte 0x\w\w at position") as error:
            read_dataset(path)
        with pytest.raises(UnicodeDecodeError) as expected:
            path.read_bytes().decode()
        assert f"at position {expected.value.start} " in str(error.value)
