"""Each label layout, on small files written here."""

import gzip
import json

import numpy as np
import polars as pl
import pytest

from multilabel_bert.data import DataLayout, read_dataset
from multilabel_bert.errors import DataError, LabelError, SettingsError


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


def dense(dataset):
    return np.nan_to_num(dataset.dense_labels(), nan=-1).astype(int).tolist()


def test_indicator_columns_with_every_way_to_say_unknown(write):
    path = write(
        "d.csv",
        "id,text,late,rude\n1,a,1,0\n2,b,,NaN\n3,c,-1,?\n4,d,NONE,null\n5,e,1.0,true\n6,f,False,0.0\n",
    )
    data = read_dataset(path)
    assert data.label_names == ("late", "rude")
    assert dense(data) == [[1, 0], [-1, -1], [-1, -1], [-1, -1], [1, 1], [0, 0]]
    assert data.labels.dtype == np.int8
    assert data.ids == ["1", "2", "3", "4", "5", "6"]
    assert data.rows.tolist() == [2, 3, 4, 5, 6, 7]
    assert data.layout.label_format == "indicator"


@pytest.mark.parametrize("separator", [",", ";", "|"])
def test_one_column_of_delimited_names(write, separator):
    path = write("d.tsv", f"text\tlabels\na\tjoy{separator} love\nb\tjoy\nc\t\n")
    data = read_dataset(path)
    assert data.layout.label_separator == separator
    assert data.label_names == ("joy", "love")
    assert dense(data) == [[1, 1], [1, 0], [0, 0]]


def test_an_empty_cell_of_names_is_no_label_or_unknown_as_asked(write):
    path = write("d.csv", "text,labels\na,joy\nb,\nc,?\n")
    assert dense(read_dataset(path)) == [[1], [0], [-1]]
    assert dense(read_dataset(path, empty_labels="unknown")) == [[1], [-1], [-1]]


def test_a_comma_inside_names_is_no_separator_where_its_parts_occur_nowhere_else(write):
    rows = [
        "a,Loans",
        'b,"Credit reports, repair, or other"',
        'c,"Money transfer, or service"',
    ] * 30
    data = read_dataset(write("d.csv", "text,product\n" + "\n".join(rows)), label_columns="product")
    assert data.label_names == (
        "Credit reports, repair, or other",
        "Loans",
        "Money transfer, or service",
    )


def test_an_explicit_separator_is_taken(write):
    data = read_dataset(write("d.tsv", "text\tlabels\na\tjoy love\n"), label_separator=" ")
    assert data.label_names == ("joy", "love")


@pytest.mark.parametrize(
    "cells",
    [
        ('["joy", "love"]', "[]"),
        ("['joy', 'love']", "[]"),  # as pandas writes lists
        ('[{"id": 1, "name": "joy"}, {"id": 2, "name": "love"}]', "[]"),
    ],
)
def test_a_column_of_lists_as_text(write, cells):
    frame = pl.DataFrame({"text": ["a", "b"], "labels": list(cells)})
    data = read_dataset(write("d.csv", frame.write_csv()))
    assert data.layout.label_format == "list"
    assert data.label_names == ("joy", "love")
    assert dense(data) == [[1, 1], [0, 0]]


def test_jsonl_lists_null_is_unknown_and_empty_is_no_label(write):
    lines = [
        {"text": "a", "labels": ["love", "joy", "joy"]},
        {"text": "b", "labels": []},
        {"text": "c", "labels": None},
    ]
    data = read_dataset(write("d.jsonl", "\n".join(map(json.dumps, lines))))
    assert dense(data) == [[1, 1], [0, 0], [-1, -1]]
    assert data.rows.tolist() == [1, 2, 3]


def test_jsonl_lists_of_objects(write):
    lines = [{"text": "a", "labels": [{"id": 7, "name": "joy"}]}, {"text": "b", "labels": []}]
    data = read_dataset(write("d.jsonl", "\n".join(map(json.dumps, lines))))
    assert data.label_names == ("joy",)
    assert dense(data) == [[1], [0]]


def test_jsonl_of_mixed_kinds_and_blank_lines(write):
    content = '{"text": "a", "labels": "[\\"joy\\"]"}\n\n{"text": 5, "labels": ["love"]}\n'
    data = read_dataset(write("d.jsonl", content), label_format="list")
    assert data.texts == ["a", "5"]
    assert dense(data) == [[1, 0], [0, 1]]
    assert data.rows.tolist() == [1, 3]


def test_json_file_with_a_list_of_objects(write):
    data = read_dataset(
        write("d.json", '[{"text": "a", "labels": ["x"]}, {"text": "b", "labels": []}]')
    )
    assert dense(data) == [[1], [0]]


def test_parquet_keeps_types(write, tmp_path):
    path = tmp_path / "d.parquet"
    pl.DataFrame(
        {"text": ["a", "b", "c"], "late": [True, False, None], "rude": [1.0, float("nan"), 0.0]}
    ).write_parquet(path)
    assert dense(read_dataset(path)) == [[1, 1], [0, -1], [-1, 0]]


def test_parquet_of_indexes_with_names(tmp_path, write):
    write("labels.txt", "joy\nlove\nfear")
    path = tmp_path / "d.parquet"
    pl.DataFrame({"text": ["a", "b", "c"], "labels": [[0, 2], [], [1]]}).write_parquet(path)
    data = read_dataset(path)
    assert data.layout.label_format == "index"
    assert data.label_names == ("joy", "love", "fear")
    assert dense(data) == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]


def test_vectors_of_zero_and_one(tmp_path):
    path = tmp_path / "d.parquet"
    pl.DataFrame({"text": ["a", "b"], "labels": [[0.0, 1.0, 0.0], [1.0, 1.0, None]]}).write_parquet(
        path
    )
    data = read_dataset(path, label_names=["x", "y", "z"])
    assert data.layout.label_format == "vector"
    assert dense(data) == [[0, 1, 0], [1, 1, -1]]
    assert read_dataset(path).label_names == ("label_0", "label_1", "label_2")


def test_index_lists_without_header_take_the_names_beside_the_data(write):
    write("labels.txt", "joy\nlove\nfear")  # no newline at its end
    data = read_dataset(write("d.tsv", 'a text\t2\n"quoted ""text"""\t0,1\n'))
    assert data.texts == ["a text", 'quoted "text"']
    assert dense(data) == [[0, 0, 1], [1, 1, 0]]
    assert data.rows.tolist() == [1, 2]
    assert data.layout.header is False


def test_indexes_without_names_are_names_themselves(write):
    data = read_dataset(write("d.tsv", "a text\t10,9\nb text\t2\n"))
    assert data.label_names == ("2", "9", "10")


def test_categorical_columns_make_a_label_of_each_value(write):
    content = "text,Product,Issue\na,Card,Fees\nb,Loan,\nc,Card,Fraud\n"
    data = read_dataset(write("d.csv", content), label_columns="Product,Issue")
    assert data.label_names == ("Product=Card", "Product=Loan", "Issue=Fees", "Issue=Fraud")
    assert dense(data) == [[1, 0, 1, 0], [0, 1, -1, -1], [1, 0, 0, 1]]
    data = read_dataset(
        write("d.csv", content), label_columns=["Product", "Issue"], empty_labels="none"
    )
    assert dense(data)[1] == [0, 1, 0, 0]


def test_one_categorical_column_on_request(write):
    path = write("d.csv", "text,Product\na,Card\nb,Loan\n")
    data = read_dataset(path, label_columns="Product", label_format="categorical")
    assert data.label_names == ("Product=Card", "Product=Loan")


def test_pairs_are_found_by_name(write):
    data = read_dataset(write("d.csv", "sentence1,sentence2,late\na,b,1\nc,d,0\n"))
    assert (data.texts, data.text_pairs) == (["a", "c"], ["b", "d"])


def test_the_names_file_chooses_and_orders_the_columns(write):
    path = write("d.csv", "text,seen,b,a\nx,1,0,1\n")
    data = read_dataset(path, labels_file=write("names.txt", "a\nb\n"))
    assert data.label_names == ("a", "b")
    assert dense(data) == [[1, 0]]


def test_columns_are_matched_by_name_with_a_layout(write):
    train = read_dataset(write("train.csv", "id,text,x,y\n1,a,1,0\n"))
    dev = read_dataset(
        write("dev.csv", "y,x,text,id\n0,1,b,2\n"),
        layout=train.layout,
        label_names=train.label_names,
    )
    assert dense(dev) == [[1, 0]]
    assert dev.texts == ["b"]


def test_layout_survives_json(write):
    layout = read_dataset(write("d.csv", "text;x;y\na;1;0\n"), delimiter=";").layout
    assert DataLayout.from_dict(json.loads(json.dumps(layout.to_dict()))) == layout
    with pytest.raises(
        SettingsError, match=r"unknown key 'txt_column'\. Did you mean 'text_column'"
    ):
        DataLayout.from_dict({"txt_column": "a"})
    with pytest.raises(SettingsError, match="'text_column' is missing"):
        DataLayout.from_dict({})


def test_an_unlabelled_file_is_said_to_be_so(write):
    path = write("d.csv", "text,x,y\na,NONE,NONE\nb,NONE,NONE\n")
    with pytest.raises(DataError, match="is unlabelled: no cell of the label columns 'x', 'y'"):
        read_dataset(path)
    data = read_dataset(path, require_labels=False)
    assert data.labels is None
    assert data.label_names == ("x", "y")
    assert data.report.lines() == ["no labels were read: all label cells are unknown"]
    path = write("e.csv", "text,labels\na,\nb,\n")
    with pytest.raises(DataError, match="unlabelled"):
        read_dataset(path, label_columns="labels")


def test_a_file_with_texts_alone(write):
    path = write("d.csv", "text\nhello\nworld\n")
    with pytest.raises(DataError, match=r"has no labels: none of the columns .* looks like one"):
        read_dataset(path)
    data = read_dataset(path, require_labels=False)
    assert data.labels is None
    assert "no labels were read: none of the columns" in data.report.lines()[0]


def test_unknown_labels_are_an_error_or_counted(write):
    path = write("d.csv", "text,labels\na,joy\nb,jjoy;fear\nc,jjoy\n")
    with pytest.raises(LabelError) as caught:
        read_dataset(path, label_names=["joy", "fear"])
    text = str(caught.value)
    assert "d.csv row 3, column 'labels': unknown label 'jjoy'. Did you mean 'joy'?" in text
    assert "--unknown-labels ignore (in Python unknown_labels='ignore')" in text
    data = read_dataset(path, label_names=["joy", "fear"], unknown_labels="ignore")
    assert dense(data) == [[1, 0], [0, 1], [0, 0]]
    assert data.report.ignored_labels == {"jjoy": 2}
    assert data.report.lines() == ["2 labels outside the known names ignored: 'jjoy' (2)"]


def test_empty_texts_are_an_error_dropped_or_kept(write):
    path = write("d.csv", "text,labels\n ,rare\nb,joy\n,joy\n")
    with pytest.raises(DataError) as caught:
        read_dataset(path)
    assert "2 of 3 rows have no text in column 'text'; the first is row 2" in str(caught.value)
    assert "--empty-text drop (in Python empty_text='drop')" in str(caught.value)
    data = read_dataset(path, empty_text="drop")
    assert (data.texts, data.rows.tolist()) == (["b"], [3])
    assert data.label_names == ("joy",)  # a label that only left-out rows have is none
    assert data.report.lines() == ["2 rows without text left out"]
    assert data.layout.empty_text == "drop"
    kept = read_dataset(path, require_labels=False)
    assert len(kept) == 3
    assert kept.report.lines() == ["2 rows without text kept"]


def test_the_layout_carries_what_to_do_with_empty_texts(write):
    train = read_dataset(write("d.csv", "text,labels\n,joy\nb,joy\n"), empty_text="drop")
    again = read_dataset(write("e.csv", "text,labels\n,joy\nb,joy\n"), layout=train.layout)
    assert len(again) == 1
    for_prediction = read_dataset(
        write("e.csv", "text,labels\n,joy\nb,joy\n"), layout=train.layout, require_labels=False
    )
    assert len(for_prediction) == 2


def test_html_is_removed_on_request_only(write):
    path = write("d.csv", 'text,x\n"<p>a &amp; b</p>",1\nc < d,0\n')
    assert read_dataset(path).texts == ["<p>a &amp; b</p>", "c < d"]
    data = read_dataset(path, clean_html=True)
    assert data.texts == ["a & b", "c < d"]
    assert data.report.cleaned_texts == 1
    assert data.layout.clean_html


def test_blank_lines_are_passed_over_and_counted(write):
    data = read_dataset(write("d.csv", "text,x\na,1\n\n\nb,0\n\n"))
    assert (data.texts, data.rows.tolist()) == (["a", "b"], [2, 5])


@pytest.mark.parametrize(
    "content",
    [
        b'\xef\xbb\xbftext,x\r\n"a, ""b""\r\nc",1\r\nd,\r\n',
        b'text;x\n"a, ""b""\r\nc";1\nd;\n',
        b'text|x\n"a, ""b""\r\nc"|1\nd|\n',
        'text,x\n"a, ""b""\r\nc",1\nd,\n'.encode("utf-16"),
    ],
)
def test_bom_line_ends_quotes_and_delimiters(write, content):
    data = read_dataset(write("d.csv", content))
    assert data.texts == ['a, "b"\r\nc', "d"]
    assert dense(data) == [[1], [-1]]


def test_carriage_returns_alone_end_lines(write):
    assert read_dataset(write("d.csv", b"text,x\ra,1\rb,0\r")).texts == ["a", "b"]


def test_quotes_in_a_tsv_are_text_where_they_do_not_enclose_fields(write):
    path = write("d.tsv", 'text\tx\n"so" he said\t1\n"all"\t0\n')
    assert read_dataset(path).texts == ['"so" he said', '"all"']
    path = write("d.tsv", 'text\tx\n"a\tb"\t1\n"so ""he"" said"\t0\n')
    assert read_dataset(path).texts == ["a\tb", 'so "he" said']
    assert read_dataset(write("e.tsv", 'text\tx\n"a"\t1\n'), quoting=False).texts == ['"a"']


def test_an_encoding_that_is_named_is_used(write):
    path = write("d.csv", "text,x\ncaf\u00e9,1\n".encode("cp1252"))
    data = read_dataset(path, encoding="cp1252")
    assert data.texts == ["caf\u00e9"]
    assert data.layout.encoding == "cp1252"


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_row_numbers_of_pandas_are_no_label(write, name):
    data = read_dataset(write("d.csv", f"{name},text,toxic\n0,a,1\n1,b,0\n"))
    assert data.label_names == ("toxic",)
    assert data.ids == ["0", "1"]


def test_names_of_numbers_are_a_header_beside_a_text_column(write):
    assert read_dataset(write("d.csv", "text,0,1\na,1,0\n")).label_names == ("0", "1")


def test_header_and_delimiter_can_be_said(write):
    path = write("d.csv", "good morning,1\nnight,0\n")
    data = read_dataset(path, header=False)
    assert (data.texts, data.label_names) == (["good morning", "night"], ("column_2",))
    assert read_dataset(write("d.csv", "text:x\na:1\n"), delimiter=":").texts == ["a"]
    assert read_dataset(write("d.csv", "text\tx\na, b\t1\n"), delimiter="tab").texts == ["a, b"]


def test_gzip_is_read_by_content(write):
    assert dense(read_dataset(write("d.csv.gz", gzip.compress(b"text,x\na,1\nb,0\n")))) == [
        [1],
        [0],
    ]


def test_large_label_sets_stay_sparse(write):
    rows = "\n".join(f"text {n},tag{n}|tag{n + 1}" for n in range(10_000))
    data = read_dataset(write("d.csv", "text,labels\n" + rows))
    assert data.labels.shape == (10_000, 10_001)
    assert data.labels.nnz == 20_000


def test_describe_says_what_was_found(write):
    layout = read_dataset(
        write("d.tsv", "a text here\tjoy|fear\tx\nb\tjoy\ty\n"),
        header=False,
        label_columns="column_2",
        id_column="column_3",
    ).layout
    assert layout.describe() == [
        "text: column 'column_1'",
        "labels: one column of names: 'column_2'",
        "labels of one cell are separated by '|'",
        "an empty label cell means: no label",
        "id: column 'column_3'",
        "no header row: columns are column_1, column_2, …",
    ]
