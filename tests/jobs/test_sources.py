"""What names of labelled inputs, and the options beside them, mean."""

from pathlib import Path

import pytest

from sentire.errors import OptionError, SourceError
from sentire.evaluation.datasets import LabelledSource
from sentire.jobs.sources import ReadOptions, labelled_sources


class Weighted(LabelledSource, frozen=True, kw_only=True, forbid_unknown_fields=True):
    weight: float = 1.0


def read(*data, kind=LabelledSource, **options):
    return labelled_sources([str(each) for each in data], kind, ReadOptions(**options))


def test_options_describe_every_file():
    found = read("a.csv", "b.csv", label_column="mood", label=("好=positive", "x=y=negative"))
    assert [source.file for source in found] == ["a.csv", "b.csv"]
    assert all(source.label_column == "mood" for source in found)
    assert found[0].labels == {"好": "positive", "x=y": "negative"}
    assert found[0].head == "polarity"


def test_a_table_describes_its_own_files(tmp_path):
    table = tmp_path / "dev.toml"
    table.write_text(
        '[[sources]]\nfile = "a.csv"\nhead = "emotion"\nlabels = { 1 = "joy" }\n'
        '[[sources]]\nfile = "/abs/b.csv"\n'
        '[[sources]]\nfile = "sqlite:///c.db"\nquery = "SELECT 1"\n'
    )
    found = read(table, "d.csv", label_column="mood")
    assert [source.file for source in found] == [
        str(tmp_path / "a.csv"),
        "/abs/b.csv",
        "sqlite:///c.db",
        "d.csv",
    ]
    assert (found[0].head, found[0].labels, found[0].label_column) == (
        "emotion",
        {"1": "joy"},
        None,
    )
    assert found[3].label_column == "mood"
    assert read(table, data_root=Path("/root"))[0].file == "/root/a.csv"


def test_a_table_may_hold_the_fields_of_another_kind(tmp_path):
    table = tmp_path / "train.toml"
    table.write_text('[[sources]]\nfile = "a.csv"\nweight = 0.5\n')
    (found,) = read(table, kind=Weighted)
    assert found.weight == 0.5
    with pytest.raises(OptionError, match=r"source 1: .*weight"):
        read(table)


def test_a_query_goes_to_the_database():
    database, file = read("sqlite:///shop.db", "a.csv", query="SELECT 1")
    assert (database.query, file.query) == ("SELECT 1", None)
    with pytest.raises(OptionError, match="--query"):
        read("sqlite:///shop.db")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"label": ("nothing",)}, "NAME=LABEL", id="no equals sign"),
        pytest.param({"label": ("=positive",)}, "NAME=LABEL", id="no name"),
        pytest.param({"label": ("a=positive", "a=negative")}, "given twice", id="a name twice"),
        pytest.param({"label": ("a=joy",)}, "can't mean 'joy'", id="a label of another head"),
        pytest.param({"data_root": Path("x")}, "goes with a .toml", id="a root without a table"),
    ],
)
def test_options_that_mean_nothing_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        read("a.csv", **options)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        pytest.param("sources = [", {}, "is not TOML", id="broken"),
        pytest.param("[[source]]\n", {}, "lists no data", id="a misspelt table"),
        pytest.param("sources = []\n", {}, "lists no data", id="empty"),
        pytest.param('[[sources]]\nfil = "a"\n', {}, "source 1", id="a misspelt field"),
        pytest.param(
            '[[sources]]\nfile = "a"\nhead = "mood"\n', {}, "source 1", id="an unknown head"
        ),
        pytest.param(
            '[[sources]]\nfile = "a"\nlabels = { x = "y" }\n', {}, "can't mean 'y'", id="labels"
        ),
        pytest.param(
            '[[sources]]\nfile = "a"\n', {"head": "emotion"}, "--head: a .toml says", id="options"
        ),
    ],
)
def test_a_table_that_can_t_be_used_says_why(tmp_path, text, options, message):
    table = tmp_path / "dev.toml"
    table.write_text(text)
    with pytest.raises(OptionError, match=message):
        read(table, **options)


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"no\.toml: there is no such file"):
        read(tmp_path / "no.toml")


def test_a_table_in_another_encoding_is_named_and_a_mark_before_utf_8_is_passed_over(tmp_path):
    file = tmp_path / "data.toml"
    text = '# 数据\n[[sources]]\nfile = "a.csv"\n'
    for encoding in ("gb18030", "utf-16"):
        file.write_bytes(text.encode(encoding))
        with pytest.raises(OptionError, match="is not TOML in UTF-8"):
            read(file)
    file.write_text(text, encoding="utf-8-sig")
    assert [source.file for source in read(file)] == [str(tmp_path / "a.csv")]
