"""``sentire keys`` as a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from sentire.web.keys import Keys

SENTIRE = Path(sys.executable).with_name("sentire")


@pytest.fixture
def keys(tmp_path):
    def run(*options):
        command = [SENTIRE, "keys", "keys.txt", *options]
        return subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=tmp_path, timeout=60
        )

    return run


def test_a_key_is_printed_once_and_the_server_knows_it(keys, tmp_path):
    (tmp_path / "keys.txt").write_text("# ours")
    shop = keys("--add", "shop")
    deploy = keys("--add", "deploy", "--rate", "50", "--admin")
    assert (shop.returncode, deploy.returncode) == (0, 0)
    assert shop.stdout.count("\n") == 1
    known = Keys(tmp_path / "keys.txt")
    assert known.find(shop.stdout.strip()).name == "shop"
    assert known.find(deploy.stdout.strip()).admin
    assert keys().stdout == "shop\t-\t-\ndeploy\t50 texts/s\tadmin\n"
    assert keys("--remove", "shop").returncode == 0
    assert keys().stdout == "deploy\t50 texts/s\tadmin\n"
    assert (tmp_path / "keys.txt").read_text().startswith("# ours\n")
    assert [file.name for file in tmp_path.iterdir()] == ["keys.txt"]


def test_a_file_of_something_else_is_not_written_into(keys, tmp_path):
    (tmp_path / "keys.txt").write_text("dear diary\n")
    done = keys("--add", "shop")
    assert (done.returncode, done.stdout) == (2, "")
    assert (tmp_path / "keys.txt").read_text() == "dear diary\n"


def test_a_new_file_is_its_owner_s_alone(keys, tmp_path):
    keys("--add", "shop")
    assert (tmp_path / "keys.txt").stat().st_mode & 0o777 == 0o600
    (tmp_path / "keys.txt").chmod(0o640)
    keys("--add", "shop")
    assert (tmp_path / "keys.txt").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param((), "No such file", id="no file"),
        pytest.param((), "--add NAME", id="how to make one"),
        pytest.param(("--add", "a b"), "letters, digits", id="name"),
        pytest.param(("--add", "a", "--remove", "a"), "two steps", id="both"),
        pytest.param(("--remove", "a"), "No such file", id="remove"),
        pytest.param(("--add", "a", "--rate", "0"), "rate", id="rate"),
        pytest.param(("--rate", "5"), "for --add", id="rate alone"),
    ],
)
def test_what_cannot_be_done_is_one_line(keys, tmp_path, options, said):
    ended = keys(*options)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("encoding", ["utf-16", "gb18030"])
def test_a_file_in_another_encoding_is_named_and_left_alone(keys, tmp_path, encoding):
    written = "# 我们的密钥\n".encode(encoding)
    (tmp_path / "keys.txt").write_bytes(written)
    for options in ((), ("--add", "shop"), ("--remove", "shop")):
        ended = keys(*options)
        assert ended.returncode == 2
        assert "keys.txt is not in UTF-8. Save it as UTF-8" in ended.stderr
        assert "bug" not in ended.stderr
    assert (tmp_path / "keys.txt").read_bytes() == written


def test_the_mark_that_editors_put_before_utf_8_is_passed_over(keys, tmp_path):
    keys("--add", "shop")
    (tmp_path / "keys.txt").write_text((tmp_path / "keys.txt").read_text(), encoding="utf-8-sig")
    assert keys().stdout == "shop\t-\t-\n"
