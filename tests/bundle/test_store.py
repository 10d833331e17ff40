import json
import shutil

import msgspec
import pytest

import sentire
from sentire.bundle.builtin import find_bundle
from sentire.bundle.manifest import decode_manifest, digest_of, encode_manifest
from sentire.bundle.store import read_bundle, read_manifest
from sentire.errors import BundleDamaged, BundleNotFound, FingerprintMismatch


@pytest.fixture
def copy(tiny_bundle, tmp_path):
    return shutil.copytree(tiny_bundle, tmp_path / "copy")


def edit(path, **changes):
    record = json.loads((path / "bundle.json").read_text())
    (path / "bundle.json").write_text(json.dumps(record | changes))


def test_a_written_bundle_reads_back_with_the_digest_of_its_manifest(tiny_bundle):
    bundle = read_bundle(tiny_bundle)
    assert bundle.info.digest == digest_of((tiny_bundle / "bundle.json").read_bytes())
    assert set(bundle.manifest.files) == {"tokenizer.json", "config.json", "README.md"}
    assert read_manifest(tiny_bundle) == (bundle.manifest, bundle.info)


def head(*labels, **more):
    return {"output": "logits", "labels": labels, "temperature": {}, "low_confidence": 0.5, **more}


def test_heads_of_other_names_have_labels_and_a_kind_of_their_own(copy):
    topics = head("food", "price", kind="multi-label")
    edit(copy, heads={"polarity": head("negative", "positive"), "topics": topics})
    manifest, _ = read_manifest(copy)
    assert manifest.labels == {"polarity": ("negative", "positive"), "topics": ("food", "price")}
    assert [each.kind for each in manifest.heads.values()] == ["single-label", "multi-label"]
    written = json.loads(encode_manifest(manifest))["heads"]
    assert "kind" not in written["polarity"], "older versions would refuse it"
    assert decode_manifest(encode_manifest(manifest)) == manifest


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json", "README.md"])
def test_one_changed_byte_is_found(copy, name):
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(data)
    with pytest.raises(BundleDamaged, match=f"{name} was altered"):
        sentire.load(copy)


def test_a_missing_file_is_found(copy):
    (copy / "config.json").unlink()
    with pytest.raises(BundleDamaged, match=r"config\.json can't be read"):
        read_bundle(copy)


def test_another_text_path_is_found(copy):
    edit(copy, fingerprint="sha256:0000")
    with pytest.raises(FingerprintMismatch, match="was made with text path"):
        read_bundle(copy)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"nmae": "x"}, "nmae", id="a misspelt field"),
        pytest.param({"format": 2}, "format", id="a format from the future"),
        pytest.param({"version": "new"}, "version", id="no version number"),
        pytest.param({"golden": []}, "golden", id="nothing to test it by"),
        pytest.param(
            {"heads": {"polarity": head("bad", "so-so", "good")}},
            "labels bad, so-so, good. Allowed are negative, neutral, positive",
            id="labels of another contract",
        ),
        pytest.param(
            {"heads": {"polarity": head("negative", "negative", "positive")}},
            "each once",
            id="a label twice",
        ),
        pytest.param(
            {"heads": {"polarity": head("negative", "positive"), "emotion": head("joy", "bliss")}},
            "head emotion",
            id="an emotion of another contract",
        ),
        pytest.param(
            {"heads": {"polarity": head("negative", "positive", kind="multi-label")}},
            "head polarity is multi-label",
            id="a polarity of several labels",
        ),
        pytest.param({"files": {"../x": "0" * 64}}, "does not name", id="required files not named"),
    ],
)
def test_a_broken_manifest_names_the_field(copy, changes, reason):
    edit(copy, **changes)
    with pytest.raises(BundleDamaged, match=reason):
        read_bundle(copy)


def test_a_manifest_can_t_point_outside_its_folder(copy):
    files = json.loads((copy / "bundle.json").read_text())["files"]
    edit(copy, files=files | {"../../etc/passwd": "0" * 64})
    with pytest.raises(BundleDamaged, match="outside the bundle"):
        read_bundle(copy)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]"], ids=repr)
def test_a_manifest_that_is_no_json_object_is_an_error_of_ours(copy, content):
    (copy / "bundle.json").write_bytes(content)
    with pytest.raises(BundleDamaged, match="is not valid"):
        read_bundle(copy)


def test_a_folder_without_a_manifest_and_no_folder_are_told_apart(tmp_path):
    with pytest.raises(BundleNotFound, match="is no sentire bundle"):
        read_bundle(tmp_path)
    with pytest.raises(BundleNotFound, match="no such folder"):
        read_bundle(tmp_path / "none")


def test_names_and_versions_of_packaged_models():
    packaged = find_bundle()
    version = read_manifest(packaged)[1].version
    assert find_bundle("zh-en") == find_bundle(f"zh-en@{version}") == packaged
    with pytest.raises(BundleNotFound, match="packaged version is zh-en@"):
        find_bundle("zh-en@9.9.9")
    with pytest.raises(BundleNotFound, match="Packaged: zh-en"):
        find_bundle("nobody")


def test_manifests_survive_a_round_trip(tiny_bundle):
    manifest = read_manifest(tiny_bundle)[0]
    assert decode_manifest(msgspec.json.encode(manifest)) == manifest
