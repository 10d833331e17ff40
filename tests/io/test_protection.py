"""An output never replaces what is read, by any spelling or link."""

import os
import sqlite3
from pathlib import Path

import pytest

from sentire.errors import OptionError
from sentire.io.protection import is_finished, refuse_existing, refuse_inputs, written_paths


@pytest.fixture
def given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    path = tmp_path / "a.csv"
    path.write_text("text\ngood\n")
    return path


def symlink(path):
    path.with_name("link.csv").symlink_to(path)
    return path.with_name("link.csv")


def hard_link(path):
    path.with_name("hard.csv").hardlink_to(path)
    return path.with_name("hard.csv")


@pytest.mark.parametrize(
    "spelling",
    [
        pytest.param(lambda path: path, id="absolute"),
        pytest.param(lambda path: Path(path.name), id="relative"),
        pytest.param(lambda path: Path("folder/../a.csv"), id="by way of a folder"),
        pytest.param(symlink, id="a link"),
        pytest.param(hard_link, id="a hard link"),
    ],
)
def test_an_output_that_is_the_input_is_refused(given, spelling):
    other = spelling(given)
    with pytest.raises(OptionError, match=r"would replace .*Name another output"):
        refuse_inputs([other], [given])
    with pytest.raises(OptionError, match="would replace"):
        refuse_inputs([given], [other])


@pytest.mark.parametrize("name", ["a.csv.partial", "a.csv.partial.json", "a.csv.partial/part"])
def test_what_an_output_is_written_by_way_of_is_no_input_either(given, name):
    path = given.parent / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("text\ngood\n")
    given.unlink()
    with pytest.raises(OptionError, match="would replace"):
        refuse_inputs(written_paths(given), [path])


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///shop.db",
        "sqlite+pysqlite:///{folder}/shop.db",
        "sqlite:///folder/../shop.db?timeout=5",
        "sqlite:///file:shop.db?mode=ro&uri=true",
        "sqlite:///file:{folder}/shop%2Edb?uri=true",
    ],
)
def test_the_file_of_a_database_is_an_input(given, url):
    sqlite3.connect("shop.db").close()
    with pytest.raises(OptionError, match="would replace sqlite"):
        refuse_inputs([Path("shop.db")], [url.format(folder=given.parent)])


def test_a_folder_that_holds_the_input_is_no_output(given):
    with pytest.raises(OptionError, match="would replace"):
        refuse_inputs([given.parent], [given])


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(Path("other.csv"), id="another file"),
        pytest.param(Path("missing.csv"), id="none yet"),
        pytest.param(Path("folder/a.csv"), id="another folder"),
    ],
)
def test_other_outputs_are_fine(given, name):
    (given.parent / "other.csv").write_text("")
    names = [given, "zh-en", "sqlite:///:memory:", "postgresql://host/a.csv", "sqlite://", None]
    refuse_inputs([name, None], names)


def test_a_device_may_be_read_and_written():
    refuse_inputs([Path("/dev/null")], [Path("/dev/null")])


def test_a_file_that_is_there_is_replaced_only_when_asked(given):
    with pytest.raises(OptionError, match=r"there already.*--force"):
        refuse_existing(given)
    refuse_existing(given.with_name("new.csv"))
    refuse_existing(Path(os.devnull))


def test_a_job_is_finished_when_its_output_is_there_and_nothing_is_left_behind(given):
    assert is_finished(given)
    assert not is_finished(given.with_name("new.csv"))
    for name in ("a.csv.partial", "a.csv.partial.json"):
        given.with_name(name).write_text("")
    assert not is_finished(given)
