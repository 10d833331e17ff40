import codecs

import pytest

from sentire.errors import OptionError, SourceError
from sentire.io.encodings import check_encoding, detect_encoding

CHINESE = "房间很大，但是服务太差了。\n这个产品使用体验非常棒！\n"
ENGLISH = "The room is fine.\nI love it.\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        pytest.param(b"", "utf-8", id="nothing"),
        pytest.param(ENGLISH.encode(), "utf-8", id="ASCII"),
        pytest.param(CHINESE.encode(), "utf-8", id="UTF-8"),
        pytest.param(CHINESE.encode()[:-5], "utf-8", id="UTF-8 cut inside a character"),
        pytest.param(CHINESE.encode("utf-8-sig"), "utf-8-sig", id="UTF-8 with a mark"),
        pytest.param(CHINESE.encode("utf-16"), "utf-16", id="UTF-16 little-endian"),
        pytest.param(
            codecs.BOM_UTF16_BE + CHINESE.encode("utf-16-be"), "utf-16", id="UTF-16 big-endian"
        ),
        pytest.param(CHINESE.encode("gb18030"), "gb18030", id="GB18030"),
        pytest.param("很好".encode("gb18030"), "gb18030", id="two characters of GB18030"),
        pytest.param(
            (ENGLISH * 20 + CHINESE).encode("gb18030"), "gb18030", id="GB18030, mostly English"
        ),
        pytest.param(
            (CHINESE * 20).encode() + b"\xff\xfe\xfa bad\n", "utf-8", id="UTF-8 with a broken row"
        ),
        pytest.param(
            ENGLISH.encode() * 5 + b"caf\xe9 na\xefve\n", "utf-8", id="ASCII with a Latin-1 row"
        ),
        pytest.param(ENGLISH.encode() * 5 + b"\xff\xff\n", "utf-8", id="ASCII with noise"),
        pytest.param(
            CHINESE.encode() * 20 + CHINESE.encode("gb18030"), "utf-8", id="UTF-8, two GB18030 rows"
        ),
    ],
)
def test_the_encoding_is_detected(data, encoding):
    assert detect_encoding(data, name="f.txt") == encoding


@pytest.mark.parametrize(
    ("data", "hint"),
    [
        pytest.param("Très bien, c'était parfait\n".encode("cp1252") * 9, "cp1252", id="French"),
        pytest.param("とても良い、最高\n".encode("shift_jis") * 9, "shift_jis", id="Japanese"),
        pytest.param(bytes(range(128, 256)) * 9, "--encoding", id="noise"),
        pytest.param("I love it".encode("utf-16-le"), "utf-16-le", id="UTF-16 without a mark"),
        pytest.param("I love it".encode("utf-16-be"), "utf-16-be", id="the other byte order"),
    ],
)
def test_an_unreadable_encoding_asks_to_be_named(data, hint):
    with pytest.raises(SourceError, match=hint):
        detect_encoding(data, name="f.txt")


@pytest.mark.parametrize("name", ["klingon", "hex", "rot13", "", "utf 99"])
def test_an_encoding_that_is_none_is_refused(name):
    with pytest.raises(OptionError, match="no text encoding"):
        check_encoding(name)


def test_a_known_encoding_gets_its_own_name():
    assert check_encoding("GBK") == "gbk"
