import os
import shutil
import signal
import subprocess
import sys
import threading

import msgspec
import pytest

from sentire.bundle.manifest import MANIFEST_NAME, digest_of, encode_manifest
from sentire.bundle.store import read_bundle
from sentire.errors import BundleDamaged, OptionError, OutputError, RegistryUnavailable
from sentire.registry.directory import DirectoryStore
from sentire.registry.download import MAX_BYTES, open_source, pull, verify
from sentire.registry.files import FileRegistry
from sentire.registry.references import open_registry
from sentire.registry.upload import push

WEIGHTS = "more/weights.bin"


@pytest.fixture
def shelf(tmp_path, made):
    """A registry in a directory with the bundle that has a large file."""
    root = tmp_path / "registry"
    with open_registry(str(root)) as registry:
        push(registry, made / "2.0.0")
    return root


class Counting(FileRegistry):
    """Counts the bytes that were read."""

    def __init__(self, root):
        super().__init__(DirectoryStore(root))
        self.n_bytes = {}

    def stream(self, artifact, file, digest, offset):
        for chunk in super().stream(artifact, file, digest, offset):
            self.n_bytes[file] = self.n_bytes.get(file, 0) + len(chunk)
            yield chunk


_PULLING = """
import sys, time
from sentire.registry.download import open_source, pull
from sentire.registry.references import open_registry
def progress(done, total):
    if done > 3_000_000:
        print("half", flush=True)
        time.sleep(600)
pull(open_source(open_registry(sys.argv[1]), "tiny", "2.0.0"), sys.argv[2], progress=progress)
"""


def test_a_pull_that_was_killed_goes_on_in_the_middle_of_a_file(shelf, tmp_path):
    into = tmp_path / "out"
    script = _PULLING.replace("sys.argv[2]", "__import__('pathlib').Path(sys.argv[2])")
    process = subprocess.Popen(
        [sys.executable, "-c", script, shelf, into], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout.readline() == "half\n"
        process.send_signal(signal.SIGKILL)
    assert not into.exists(), "half a bundle is not visible"
    assert not list(tmp_path.rglob(f"*.pull/{MANIFEST_NAME}"))
    registry = Counting(shelf)
    pull(open_source(registry, "tiny", "2.0.0"), into)
    read_bundle(into)
    size = (into / WEIGHTS).stat().st_size
    assert 0 < registry.n_bytes[WEIGHTS] <= size - 2_000_000
    assert [f.name for f in tmp_path.iterdir() if f.name.startswith(".")] == []


def test_what_is_there_already_is_not_fetched_again(shelf, tmp_path):
    registry, into = Counting(shelf), tmp_path / "out"
    into.mkdir()
    pull(open_source(registry, "tiny", "2.0.0"), into)
    registry.n_bytes.clear()
    assert pull(open_source(registry, "tiny", "2.0.0"), into) == into
    assert registry.n_bytes == {}


def test_two_who_pull_at_once_fetch_once(shelf, tmp_path):
    registry, into = Counting(shelf), tmp_path / "out"
    sources = [open_source(registry, "tiny", "2.0.0") for _ in range(4)]
    threads = [threading.Thread(target=pull, args=(source, into)) for source in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read_bundle(into)
    assert registry.n_bytes[WEIGHTS] == (into / WEIGHTS).stat().st_size


@pytest.mark.parametrize("part", ["wrong start", "too long"])
def test_a_part_that_is_wrong_is_fetched_anew(shelf, tmp_path, part):
    into = tmp_path / "out"
    source = open_source(Counting(shelf), "tiny", "2.0.0")
    staging = tmp_path / f".out.{source.digest[7:19]}.pull"
    staging.mkdir()
    size = source.sizes[WEIGHTS]
    content = b"x" * (1000 if part == "wrong start" else size + 1)
    (staging / f".sentire-part-{source.manifest.files[WEIGHTS][:16]}").write_bytes(content)
    pull(source, into)
    read_bundle(into)


def harm(path, how):
    data = path.read_bytes()
    path.chmod(0o644)
    if how == "a byte":
        data = data[:1000] + bytes([data[1000] ^ 1]) + data[1001:]
    elif how == "cut":
        data = data[:-1]
    else:
        data += b"x" * 100
    path.write_bytes(data)


@pytest.mark.parametrize("how", ["a byte", "cut", "longer"])
def test_a_file_that_was_altered_is_refused_and_found_by_verify(shelf, tmp_path, how):
    [weights] = shelf.rglob("weights.bin")
    harm(weights, how)
    source = open_source(open_registry(str(shelf)), "tiny", "2.0.0")
    with pytest.raises(BundleDamaged, match=r"weights\.bin is not what its manifest says"):
        pull(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert dict(verify(source))[WEIGHTS] is False


def test_a_file_that_grows_while_it_is_read_fills_no_disk(shelf, tmp_path):
    source = open_source(open_registry(str(shelf)), "tiny", "2.0.0")
    [weights] = shelf.rglob("weights.bin")
    with weights.open("ab") as file:
        file.truncate(1 << 30)
    with pytest.raises(BundleDamaged):
        pull(source, tmp_path / "out")
    assert sum(f.stat().st_size for f in tmp_path.rglob(".*.pull/**/*")) < 2 * source.sizes[WEIGHTS]


@pytest.mark.parametrize(
    "name",
    ["../evil", "/etc/evil", "a/../../evil", "a\\..\\evil", "C:evil", "a//b", "./a", "a/", "",
     "bundle.json", ".sentire-part-0", "a\nb", "x" * 300, "\x00"],
    ids=repr,
)  # fmt: skip
def test_a_manifest_that_names_files_elsewhere_is_refused(shelf, tmp_path, name):
    [file] = shelf.glob("tiny/versions/*.json")
    manifest = read_bundle(_pulled(shelf, tmp_path)).manifest
    evil = msgspec.structs.replace(manifest, files={**manifest.files, name: "0" * 64})
    file.write_bytes(encode_manifest(evil))
    with pytest.raises(BundleDamaged, match="which no bundle may hold"):
        open_source(open_registry(str(shelf)), "tiny", "2.0.0")


def _pulled(shelf, tmp_path):
    return pull(open_source(open_registry(str(shelf)), "tiny", "2.0.0"), tmp_path / "good")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"name": "other"}, "calls itself other@2.0.0", id="name"),
        pytest.param({"version": "9.0.0"}, "calls itself tiny@9.0.0", id="version"),
    ],
)
def test_a_manifest_of_something_else_is_refused(shelf, tmp_path, change, said):
    [file] = shelf.glob("tiny/versions/*.json")
    manifest = read_bundle(_pulled(shelf, tmp_path)).manifest
    file.write_bytes(encode_manifest(msgspec.structs.replace(manifest, **change)))
    with pytest.raises(BundleDamaged, match=said):
        open_source(open_registry(str(shelf)), "tiny", "2.0.0")


def test_a_manifest_that_is_none_or_not_the_promised_one_is_refused(shelf):
    registry = open_registry(str(shelf))
    with pytest.raises(BundleDamaged, match="expected is"):
        open_source(registry, "tiny", "2.0.0", digest=digest_of(b"another"))
    [file] = shelf.glob("tiny/versions/*.json")
    file.write_bytes(b"{")
    with pytest.raises(BundleDamaged, match="is not valid"):
        open_source(registry, "tiny", "2.0.0")


def test_a_version_that_is_too_large_is_refused_before_a_byte_is_read(shelf):
    [weights] = shelf.rglob("weights.bin")
    with weights.open("ab") as file:
        file.truncate(MAX_BYTES + 1)  # a hole, which takes no disk
    with pytest.raises(BundleDamaged, match="more than 8 GiB"):
        open_source(open_registry(str(shelf)), "tiny", "2.0.0")


def test_a_version_of_which_a_file_is_missing_is_refused(shelf):
    [weights] = shelf.rglob("weights.bin")
    weights.unlink()
    with pytest.raises(RegistryUnavailable, match=r"missing: .*weights\.bin"):
        open_source(open_registry(str(shelf)), "tiny", "2.0.0")


def test_nothing_is_replaced(shelf, tmp_path):
    source = open_source(open_registry(str(shelf)), "tiny", "2.0.0")
    for name, make in (("file", lambda p: p.write_text("")), ("folder", _folder_with_a_file)):
        make(tmp_path / name)
        with pytest.raises(OptionError, match="Name another folder"):
            pull(source, tmp_path / name)


def _folder_with_a_file(path):
    path.mkdir()
    (path / "mine.txt").write_text("")


def test_where_nobody_may_write_is_said(shelf, tmp_path):
    source = open_source(open_registry(str(shelf)), "tiny", "2.0.0")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"can.t be written"):
        pull(source, tmp_path / "file" / "out")


def test_a_push_that_was_interrupted_shows_nothing_and_is_swept_up(shelf, made):
    registry = open_registry(str(shelf))
    half = shelf / "tiny" / "files" / "3.0.0" / ("0" * 64)
    half.mkdir(parents=True)
    shutil.copy(made / "1.0.0" / "config.json", half)
    assert registry.versions("tiny") == ["2.0.0"]
    assert registry.orphans("tiny", older_s=3600) == []
    os.utime(half, (0, 0))
    os.utime(half / "config.json", (0, 0))
    [orphan] = registry.orphans("tiny", older_s=3600)
    registry.remove_orphan("tiny", orphan)
    assert not half.exists()
    assert all(is_right for _, is_right in verify(open_source(registry, "tiny", "2.0.0")))
