"""What holds for a directory, S3 and an OCI registry alike."""

import json
import subprocess
import sys

import msgspec
import pytest

from sentire.bundle.store import read_bundle, write_bundle
from sentire.errors import BundleDamaged, NotInRegistry, OptionError, VersionTaken
from sentire.registry.aliases import promote, resolve, rollback
from sentire.registry.download import open_source, pull, verify
from sentire.registry.garbage import plan_gc, remove_garbage
from sentire.registry.references import open_registry
from sentire.registry.upload import push
from tiny import make_bundle


def filled(registry, made, *versions):
    for version in versions or ("1.0.0", "2.0.0", "3.0.0+b.1"):
        push(registry, made / version)
    return registry


def test_what_is_pushed_is_what_is_pulled(registry, made, tmp_path):
    pushed = push(registry, made / "2.0.0")
    assert pushed.is_new
    assert registry.names() == ["tiny"]
    source = open_source(registry, "tiny", "2.0.0")
    assert [is_right for _, is_right in verify(source)] == [True] * 4
    pulled = read_bundle(pull(source, tmp_path / "out"))
    assert pulled.info == pushed.info
    assert sorted(f.relative_to(pulled.path).as_posix() for f in pulled.path.rglob("*")) == [
        "README.md", "bundle.json", "config.json", "more", "more/weights.bin", "tokenizer.json"
    ]  # fmt: skip
    assert [f.name for f in tmp_path.iterdir() if f.name.startswith(".")] == []


def test_versions_are_listed_from_old_to_new_with_the_time_they_came(registry, made):
    filled(registry, made)
    assert registry.versions("tiny") == ["1.0.0", "2.0.0", "3.0.0+b.1"]
    assert registry.pushed_at("tiny", "1.0.0") <= registry.pushed_at("tiny", "3.0.0+b.1")


def test_a_version_never_changes(registry, made, tmp_path):
    filled(registry, made, "1.0.0")
    assert not push(registry, made / "1.0.0").is_new
    other = make_bundle(tmp_path / "other", version="1.0.0").path
    write_bundle(other, msgspec.structs.replace(read_bundle(other).manifest, description="new"))
    with pytest.raises(VersionTaken, match=r"tiny@1\.0\.0.*give the bundle a new version"):
        push(registry, other)
    there = open_source(registry, "tiny", "1.0.0")
    assert there.digest == read_bundle(made / "1.0.0").info.digest
    assert all(is_right for _, is_right in verify(there))


def test_a_damaged_bundle_is_not_pushed(registry, tmp_path):
    bundle = make_bundle(tmp_path / "bad").path
    (bundle / "config.json").write_text("{ }")
    with pytest.raises(BundleDamaged, match="was altered"):
        push(registry, bundle)
    with pytest.raises(Exception, match=r"no registry|no model"):
        registry.versions("tiny")


def test_an_alias_moves_and_its_history_says_who_when_whence_where_and_why(registry, made):
    filled(registry, made)
    first = promote(registry, "tiny", "1.0.0", "production", why="the first")
    again = promote(registry, "tiny", "1.0.0", "production", why="no news")
    promote(registry, "tiny", "2.0.0", "production", why="更好")
    promote(registry, "tiny", "3.0.0+b.1", "staging")
    assert again == first
    assert resolve(registry, "tiny", "production")[0] == "2.0.0"
    assert registry.aliases("tiny") == ["production", "staging"]
    history = registry.history("tiny", "production")
    assert [(m.number, m.before, m.to, m.why) for m in history] == [
        (1, None, "1.0.0", "the first"), (2, "1.0.0", "2.0.0", "更好")
    ]  # fmt: skip
    assert "@" in history[0].who
    assert history[0].when <= history[1].when
    assert history[1].digest == read_bundle(made / "2.0.0").info.digest


def test_a_rollback_leads_back_step_by_step(registry, made):
    filled(registry, made)
    for version in ("1.0.0", "2.0.0", "3.0.0+b.1"):
        promote(registry, "tiny", version, "production")
    assert rollback(registry, "tiny", "production", why="angry").to == "2.0.0"
    assert rollback(registry, "tiny", "production").to == "1.0.0"
    with pytest.raises(NotInRegistry, match="no version before"):
        rollback(registry, "tiny", "production")
    promote(registry, "tiny", "3.0.0+b.1", "production")
    assert rollback(registry, "tiny", "production").to == "1.0.0"
    assert [m.undo for m in registry.history("tiny", "production")] == [
        False, False, False, True, True, False, True
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        pytest.param(lambda r: promote(r, "tiny", "9.9.9", "live"), "9.9.9", id="version"),
        pytest.param(lambda r: promote(r, "none", "1.0.0", "live"), "none", id="model"),
        pytest.param(lambda r: resolve(r, "tiny", "live"), "no alias live", id="alias"),
        pytest.param(lambda r: rollback(r, "tiny", "live"), "live", id="rollback"),
        pytest.param(lambda r: open_source(r, "tiny", "9.9.9"), "9.9.9", id="pull"),
    ],
)
def test_what_is_not_there_is_said(registry, made, ask, said):
    filled(registry, made, "1.0.0")
    with pytest.raises(NotInRegistry, match=said):
        ask(registry)
    assert registry.aliases("tiny") == []


@pytest.mark.parametrize("alias", ["1.0.0", "Prod", "a/b", "..", "", "-x", "生产"])
def test_an_alias_has_a_plain_name(registry, made, alias):
    filled(registry, made, "1.0.0")
    with pytest.raises(OptionError, match="no name for an alias"):
        promote(registry, "tiny", "1.0.0", alias)


_PROMOTING = """
import json, sys
from sentire.registry.aliases import promote
from sentire.registry.references import open_registry
url, version, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open_registry(url) as registry:
    registry.versions("tiny")
    print("ready", flush=True)
    sys.stdin.readline()
    revisions = [promote(registry, "tiny", version, "production", why=version) for _ in range(n)]
print(json.dumps([r.id for r in revisions if r.why == version]))
"""


@pytest.mark.slow
def test_processes_that_promote_at_once_lose_no_move(url, made):
    with open_registry(url) as registry:
        filled(registry, made)
        versions = registry.versions("tiny")
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", _PROMOTING, url, version, "6"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for version in versions
        ]
        for process in processes:
            assert process.stdout.readline() == "ready\n"
        for process in processes:
            process.stdin.write("go\n")
            process.stdin.flush()
        told = [json.loads(process.communicate(timeout=120)[0]) for process in processes]
        history = registry.history("tiny", "production")
        current = registry.current("tiny", "production")
    assert all(told), "each has moved it"
    assert sorted({each for ids in told for each in ids}) == sorted(each.id for each in history)
    assert current == history[-1]
    if not url.startswith("oci"):  # it has no conditional write: two revisions may share a number
        assert [each.number for each in history] == list(range(1, len(history) + 1))
        before = [None, *(each.to for each in history)]
        assert [each.before for each in history] == before[:-1]


def test_what_nobody_needs_goes_and_nothing_else(registry, made):
    filled(registry, made)
    for version in ("1.0.0", "2.0.0"):
        promote(registry, "tiny", version, "production")

    def judged(**limits):
        return {
            item.target: bool(item.reason_to_keep) for item in plan_gc(registry, "tiny", **limits)
        }

    assert judged(keep=3, days=30) == {"1.0.0": True, "2.0.0": True, "3.0.0+b.1": True}
    assert judged(keep=2, days=0) == {"1.0.0": True, "2.0.0": True, "3.0.0+b.1": False}
    items = list(plan_gc(registry, "tiny", keep=1, days=0))
    promote(registry, "tiny", "3.0.0+b.1", "staging")
    assert [remove_garbage(registry, item) for item in items] == [True, False, False]
    assert registry.versions("tiny") == ["2.0.0", "3.0.0+b.1"]
    with pytest.raises(NotInRegistry):
        open_source(registry, "tiny", "1.0.0")
    with pytest.raises(NotInRegistry, match=r"1\.0\.0"):
        rollback(registry, "tiny", "production")
