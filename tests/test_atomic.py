"""Files and folders appear whole or not at all, and are on the disk when they do."""

import os
import re
import stat
import threading
import time
from pathlib import Path

import pytest

import sentire
from sentire.atomic import partial_file, place_folder, write_file


@pytest.fixture
def synced(monkeypatch):
    """What was written through to the disk, and the names that were in its folder then."""
    found, fsync = [], os.fsync

    def record(number):
        path = Path(f"/proc/self/fd/{number}").readlink()
        found.append((path, sorted(each.name for each in path.parent.iterdir())))
        fsync(number)

    monkeypatch.setattr(os, "fsync", record)
    return found


def names(folder):
    return sorted(each.name for each in folder.iterdir())


@pytest.mark.parametrize("name", ["report.json", "报告" * 40, "[a-z]*"])
def test_a_file_is_written_through_before_it_takes_its_place(tmp_path, synced, name):
    write_file(tmp_path / name, b"new")
    assert (tmp_path / name).read_bytes() == b"new"
    assert names(tmp_path) == [name]
    (partial, before), (folder, _) = synced
    assert partial.parent == folder == tmp_path
    assert name not in before


def test_a_failure_changes_nothing(tmp_path):
    (tmp_path / "a").write_text("old")

    def write_half():
        with partial_file(tmp_path / "a") as partial:
            partial.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_half()
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"
    with pytest.raises(OSError, match="No such file"):
        write_file(tmp_path / "no" / "a", b"")


def test_rights_are_those_that_the_file_had_or_those_that_were_asked_for(tmp_path):
    def rights():
        return stat.S_IMODE((tmp_path / "a").stat().st_mode)

    write_file(tmp_path / "a", b"", mode=0o600)
    assert rights() == 0o600
    (tmp_path / "a").chmod(0o640)
    write_file(tmp_path / "a", b"", mode=0o600)
    assert rights() == 0o640


def test_of_those_who_make_the_same_file_at_once_one_does(tmp_path):
    begin, made = threading.Barrier(8), []

    def make(number):
        begin.wait()
        try:
            write_file(tmp_path / "a", b"%d" % number, is_new=True)
        except FileExistsError:
            return
        made.append(b"%d" % number)

    threads = [threading.Thread(target=make, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [(tmp_path / "a").read_bytes()] == made
    assert names(tmp_path) == ["a"]


def test_those_who_replace_the_same_file_at_once_all_do(tmp_path):
    def write(number):
        for _ in range(50):
            write_file(tmp_path / "a", b"%d" % number * 1000)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "a").read_bytes() in {b"%d" % number * 1000 for number in range(4)}
    assert names(tmp_path) == ["a"]


def test_what_a_killed_process_left_is_swept_up_a_day_later(tmp_path):
    new, old = tmp_path / ".a.1.partial", tmp_path / ".a.2.partial"
    for left in (new, old, tmp_path / ".b.3.partial"):
        left.touch()
        os.utime(left, (0, 0))
    os.utime(new, (time.time(), time.time()))
    write_file(tmp_path / "a", b"")
    assert names(tmp_path) == [".a.1.partial", ".b.3.partial", "a"]


def test_a_folder_is_written_through_before_it_takes_its_place(tmp_path, synced):
    (tmp_path / "work" / "more").mkdir(parents=True)
    (tmp_path / "work" / "more" / "file").write_text("new")
    place_folder(tmp_path / "work", tmp_path / "out")
    assert (tmp_path / "out" / "more" / "file").read_text() == "new"
    assert [path.name for path, _ in synced] == ["more", "file", "work", tmp_path.name]
    assert "out" not in synced[2][1]


def test_a_folder_that_can_not_be_moved_brings_back_what_was_there(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").touch()
    (tmp_path / "work").mkdir()
    with pytest.raises(OSError, match="not empty"):
        place_folder(tmp_path / "work", tmp_path / "out")
    with pytest.raises(OSError, match="Invalid argument"):  # into itself
        place_folder(tmp_path / "work", tmp_path / "work" / "out", aside=tmp_path / "aside")
    (tmp_path / "gone").mkdir()
    place_folder(tmp_path / "work", tmp_path / "out", aside=tmp_path / "aside")
    assert names(tmp_path / "aside") == ["old"]


def test_nobody_else_writes_beside_and_renames():
    """``io`` has outputs that grow, and its own way; all others have this one."""
    source = Path(sentire.__file__).parent
    pattern = re.compile(r"os\.(replace|rename|fsync)\(|partial\.replace\(")
    found = [
        path.relative_to(source).as_posix()
        for path in sorted(source.rglob("*.py"))
        if pattern.search(path.read_text(encoding="utf-8"))
    ]
    assert [path for path in found if not path.startswith("io/")] == ["atomic.py"]
