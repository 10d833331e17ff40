"""A bundle is put in its place whole, or not at all."""

import pytest

from sentire.errors import OptionError, OutputError
from sentire.export.output import check_output, finished, output_workspace


def bundle(path, text="old"):
    path.mkdir()
    (path / "bundle.json").write_text(text, encoding="utf-8")
    return path


def finish(workspace, text="new"):
    bundle(finished(workspace), text)


def test_what_is_finished_becomes_the_output_and_nothing_else_is_left(tmp_path):
    with output_workspace(tmp_path / "out", force=False) as workspace:
        (workspace / "scratch").write_text("x", encoding="utf-8")
        finish(workspace)
        assert not (tmp_path / "out").exists()
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out/bundle.json").read_text(encoding="utf-8") == "new"


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_what_was_there(tmp_path, failure):
    bundle(tmp_path / "out")

    def fail(workspace):
        finish(workspace)
        raise failure

    with pytest.raises(failure), output_workspace(tmp_path / "out", force=True) as workspace:
        fail(workspace)
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out/bundle.json").read_text(encoding="utf-8") == "old"


def test_an_output_that_was_never_finished_leaves_the_old_bundle(tmp_path):
    bundle(tmp_path / "out")
    with pytest.raises(OutputError), output_workspace(tmp_path / "out", force=True):
        pass
    assert (tmp_path / "out/bundle.json").read_text(encoding="utf-8") == "old"


def test_a_bundle_is_replaced_only_when_told_to(tmp_path):
    bundle(tmp_path / "out")
    with pytest.raises(OptionError, match="--force"):
        check_output(tmp_path / "out", force=False)
    with output_workspace(tmp_path / "out", force=True) as workspace:
        finish(workspace)
    assert (tmp_path / "out/bundle.json").read_text(encoding="utf-8") == "new"


@pytest.mark.parametrize("force", [False, True])
def test_what_is_no_bundle_is_never_replaced(tmp_path, force):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter.txt").write_text("x", encoding="utf-8")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(OutputError, match="no bundle"):
        check_output(tmp_path / "thesis", force=force)
    with pytest.raises(OutputError, match="is a file"):
        check_output(tmp_path / "file", force=force)
    with pytest.raises(OutputError, match="does not exist"):
        check_output(tmp_path / "no/such/out", force=force)


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "out").mkdir()
    with output_workspace(tmp_path / "out", force=False) as workspace:
        finish(workspace)
    assert (tmp_path / "out/bundle.json").exists()


def test_what_a_killed_run_left_is_replaced(tmp_path):
    (tmp_path / ".out.partial/bundle").mkdir(parents=True)
    with output_workspace(tmp_path / "out", force=False) as workspace:
        assert list(workspace.iterdir()) == []
        finish(workspace)
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
