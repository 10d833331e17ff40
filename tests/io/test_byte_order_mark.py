"""A CSV of more than ASCII begins with a byte-order mark, as Excel needs; a pipe has none."""

import codecs
import gzip
from pathlib import Path

import pytest

from sentire.io.checkpoint import Tally
from sentire.io.inputs import open_input
from sentire.io.records import Layout
from sentire.io.rows import Row, broken
from sentire.io.sink import open_sink
from sentire.types import Unscored

FAILED = Unscored(text="x", error=broken("line 1 is broken"))
LAYOUT = Layout("text", ("text",))


def write(path, *blocks, **options):
    """Write each block's texts, commit behind it and open the output anew, as --resume does."""
    for number, texts in enumerate(blocks):
        last = number + 1 == len(blocks)
        sink = open_sink(
            path, path.name.split(".")[1], LAYOUT, job={}, resume=number > 0, **options
        )
        for text in texts:
            sink.write(Row(1, text, {"text": text}), FAILED)
        sink.commit(Tally(), "")
        if last:
            sink.finish()
        sink.close()
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.csv.gz"])
@pytest.mark.parametrize(
    ("blocks", "marked"),
    [
        pytest.param([["good", "fine"]], False, id="ASCII"),
        pytest.param([["good", "很好"]], True, id="Chinese"),
        pytest.param([["good"], ["fine"], ["很好"]], True, id="Chinese at last"),
        pytest.param([["很好"], ["good"]], True, id="Chinese at first"),
        pytest.param([[]], False, id="nothing"),
    ],
)
def test_a_mark_stands_where_the_text_is_not_ascii(tmp_path, name, blocks, marked):
    path = tmp_path / name
    data = write(path, *blocks)
    assert data.startswith(codecs.BOM_UTF8) == marked
    assert data.count(codecs.BOM_UTF8) == marked
    assert [file.name for file in tmp_path.iterdir()] == [name]
    with open_input(path) as rows:
        assert [row.text for row in rows] == [text for block in blocks for text in block]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param("out.csv", {"mark": False}, id="unwanted"),
        pytest.param("out.jsonl", {}, id="JSON Lines"),
    ],
)
def test_other_outputs_have_no_mark(tmp_path, name, options):
    data = write(tmp_path / name, ["good"], ["很好"], **options)
    assert codecs.BOM_UTF8 not in data


def test_a_mark_that_can_not_be_written_loses_nothing(tmp_path):
    path = tmp_path / "out.csv"
    Path(f"{path}.partial.new").symlink_to("/dev/full")
    with pytest.raises(Exception, match="no space is left"):
        write(path, ["good"], ["很好"])
    assert not path.exists()
    assert "很好" in Path(f"{path}.partial").read_text()
    sink = open_sink(path, "csv", LAYOUT, job={}, resume=True)
    sink.finish()
    assert path.read_bytes().startswith(codecs.BOM_UTF8 + b"text,label")
