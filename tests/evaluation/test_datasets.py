import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from sentire.errors import OptionError, SourceError
from sentire.evaluation.datasets import LabelledSource, read_dataset


@pytest.fixture
def read(tmp_path):
    """Read rows written as JSON Lines, or a text written under a name."""

    def read(rows, *, name="mine.dev.jsonl", **options):
        path = tmp_path / name
        text = rows if isinstance(rows, str) else "".join(json.dumps(r) + "\n" for r in rows)
        path.write_text(text, encoding="utf-8")
        return read_dataset(LabelledSource(file=str(path), **options))

    return read


def labels_of(data, names=("negative", "neutral", "positive")):
    return [[names[i] for i in np.flatnonzero(row)] for row in data.gold]


def test_foreign_names_are_mapped_and_nothing_else_is_kept(read):
    data = read([{"text": "good", "label": "POSITIVE"}, {"text": "差", "label": "负面"}])
    assert (data.name, data.head, data.texts) == ("mine", "polarity", ["good", "差"])
    assert labels_of(data) == [["positive"], ["negative"]]
    assert data.allowed.tolist() == [True, False, True]
    assert data.gold.dtype == np.float32


def test_several_labels_share_a_row_and_two_names_of_one_label_are_one(read):
    rows = [
        {"text": "a", "labels": ["anger", "sadness"]},
        {"text": "b", "labels": ["happy", "joy"]},
        {"text": "c", "labels": "no emotion"},
    ]
    data = read(rows, head="emotion")
    assert data.gold[0].tolist() == [0.5, 0, 0, 0, 0.5, 0, 0]
    assert data.gold[1].tolist() == [0, 0, 0, 1, 0, 0, 0]
    assert data.gold.sum(axis=1).tolist() == [1, 1, 1]


def test_numbers_mean_something_only_in_a_column_of_stars(read):
    stars = [{"text": str(n) * 3 + "x", "stars": n} for n in (1, 3, 5)]
    assert labels_of(read(stars)) == [["negative"], ["neutral"], ["positive"]]
    with pytest.raises(OptionError, match=r"'1' \(2 rows\), '0' \(1 rows\)"):
        read([{"text": "a", "label": 1}, {"text": "b", "label": 0}, {"text": "c", "label": 1}])
    data = read(
        [{"text": "a", "label": 1}, {"text": "b", "label": 0}],
        labels={"1": "positive", "0": "negative"},
    )
    assert labels_of(data) == [["positive"], ["negative"]]


def test_a_mapping_wins_over_what_stars_usually_mean(read):
    stars = [{"text": "a", "stars": 3}, {"text": "b", "stars": 4}, {"text": "c", "stars": 1}]
    data = read(stars, labels={"3": "-", "4": "neutral"})
    assert labels_of(data) == [["neutral"], ["negative"]]
    assert data.n_dropped == 1


def test_stars_of_a_table_with_gaps_are_whole_numbers(tmp_path):
    table = pa.table({"text": ["a", "b"], "rating": pa.array([5.0, 1.0])})
    pq.write_table(table, tmp_path / "t.parquet")
    assert labels_of(read_dataset(LabelledSource(file=str(tmp_path / "t.parquet")))) == [
        ["positive"],
        ["negative"],
    ]


def test_a_sheet_of_a_workbook_and_a_nested_label_are_read(read, tmp_path):
    with xlsxwriter.Workbook(tmp_path / "t.xlsx") as book:
        book.add_worksheet("notes")
        book.add_worksheet("data").add_table(
            "A1:B4",
            {
                "columns": [{"header": "text"}, {"header": "stars"}],
                "data": [["a", 5], ["b", 1], ["N/A", 1]],
            },
        )
    data = read_dataset(LabelledSource(file=str(tmp_path / "t.xlsx"), sheet="data"))
    assert (labels_of(data), data.n_dropped) == ([["positive"], ["negative"]], 1)
    rows = [{"d": {"text": "a", "label": "positive"}}, {"d": {"text": "b", "label": "negative"}}]
    data = read(json.dumps(rows), name="t.json", text_column="d.text", label_column="d.label")
    assert labels_of(data) == [["positive"], ["negative"]]


def test_rows_without_text_or_label_are_counted(read):
    rows = [
        {"text": "a", "label": "positive"},
        {"text": "  ", "label": "positive"},
        {"text": "b", "label": None},
        {"text": "c", "label": "unsure"},
    ]
    data = read(rows, labels={"unsure": "-"})
    assert (data.texts, data.n_dropped) == (["a"], 3)


def test_groups_follow_their_rows(read):
    rows = [{"text": t, "label": "neg", "shop": g} for t, g in (("a", "x"), (" ", "y"), ("c", 7))]
    data = read(rows, group_column="shop")
    assert data.groups == ["x", "7"]
    assert data.take([1]).groups == ["7"]
    assert data.take([1]).texts == ["c"]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        pytest.param("text,label\n", {}, "holds no labelled text", id="a header only"),
        pytest.param("text,label\na,\n", {}, "1 of its rows were left out", id="no label at all"),
        pytest.param("text,note\na,b\n", {}, "--label-column", id="no column of labels"),
        pytest.param(
            "text,label,emotion\na,b,c\n", {}, "It has: text, label, emotion", id="two columns"
        ),
        pytest.param(
            "text,label\na,b\n", {"label_column": "mood"}, "no column 'mood'", id="a wrong column"
        ),
        pytest.param(
            "text,label\na,pos\n", {"group_column": "shop"}, "--group-column", id="a wrong group"
        ),
        pytest.param("text,label\na,pos\nb\n", {}, "row 2", id="a broken row"),
    ],
)
def test_what_can_t_be_read_says_why(read, text, options, message):
    with pytest.raises(SourceError, match=message):
        read(text, name="mine.csv", **options)


def test_an_empty_file_is_named(read):
    with pytest.raises(SourceError, match=r"mine\.csv"):
        read("", name="mine.csv")


def test_unknown_labels_are_all_listed_with_what_to_do(read):
    rows = [{"text": "a", "label": f"odd{i}"} for i in range(20)]
    with pytest.raises(OptionError) as raised:
        read(rows)
    message = str(raised.value)
    assert "'odd0' (1 rows)" in message
    assert "--label odd0=negative" in message
    assert message.count("odd") < 20, "a long list is cut"


def test_the_figure_that_is_stated_is_the_one_asked_for_or_the_usual_one(read):
    two = [{"text": "good", "label": "positive"}, {"text": "bad", "label": "negative"}]
    three = [*two, {"text": "so", "label": "neutral"}]
    assert read(two).judged_by == "accuracy"
    assert read(three).judged_by == "macro_f1"
    assert read(three, metric="macro_recall").judged_by == "macro_recall"
