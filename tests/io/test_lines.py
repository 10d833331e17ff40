import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentire.io import lines
from sentire.io.lines import read_lines


def read(data, encoding):
    return list(read_lines(io.BytesIO(data), encoding, name="f"))


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\ufeff"))),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030"]),
)
def test_lines_come_back_whatever_the_encoding(texts, encoding):
    data = "".join(text + "\n" for text in texts).encode(encoding)
    assert [line.text for line in read(data, encoding)] == [text + "\n" for text in texts]


@given(st.lists(st.binary(max_size=12)))
def test_any_bytes_give_a_line_each(pieces):
    data = b"".join(piece.replace(b"\n", b"") + b"\n" for piece in pieces)
    assert len(read(data, "utf-8")) == len(pieces)


@pytest.mark.parametrize(
    ("data", "encoding", "broken"),
    [
        pytest.param("好\n".encode() + b"\xff\n" + "好\n".encode(), "utf-8", [1], id="UTF-8"),
        pytest.param("好\n".encode("gbk") + b"\xff\xff\n", "gb18030", [1], id="GB18030"),
        pytest.param("a\nb\n".encode("utf-16") + b"\x00\xd8\n\x00c\x00", "utf-16", [2], id="half"),
        pytest.param("a\nb\n".encode("utf-16") + b"c", "utf-16", [2], id="cut in a character"),
    ],
)
def test_undecodable_bytes_break_their_own_line(data, encoding, broken):
    problems = [at for at, line in enumerate(read(data, encoding)) if line.problem]
    assert problems == broken


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_line_beyond_the_bound_breaks_alone(encoding, monkeypatch):
    monkeypatch.setattr(lines, "LONGEST", 1 << 17)
    data = ("a\n" + "b" * 300_000 + "\nc\n").encode(encoding)
    assert [line.problem is None for line in read(data, encoding)] == [True, False, True]
