import subprocess
import sys

import pytest

from sentire.errors import OptionError, RegistryUnavailable
from sentire.registry.aliases import promote
from sentire.registry.download import open_source, pull
from sentire.registry.records import in_order, this_user
from sentire.registry.references import Reference, names_registry, open_registry
from sentire.registry.upload import push


@pytest.mark.parametrize(
    ("written", "parts"),
    [
        ("/models/zh-en@1.0.0", ("/models", "zh-en", "1.0.0")),
        ("./zh-en@production", (".", "zh-en", "production")),
        ("s3://bucket/a b/zh@2.0.0-rc.1", ("s3://bucket/a b", "zh", "2.0.0-rc.1")),
        ("oci://host:5000/x/zh@1.0.0+b", ("oci://host:5000/x", "zh", "1.0.0+b")),
        ("/a@b/c@live", ("/a@b", "c", "live")),
    ],
)
def test_a_reference_is_taken_apart_and_written_again(written, parts):
    assert Reference.of(written) == parts
    assert str(Reference.of(written)) == written


@pytest.mark.parametrize(
    "written",
    ["zh-en", "zh-en@1.0.0", "/models/zh-en", "/models/ZH@1.0.0", "/models/zh@1.0", "/models/..@a",
     "/models/zh@", "/models/zh@Prod", "hf://org/name@main", ""],
)  # fmt: skip
def test_what_is_no_reference_is_refused(written):
    with pytest.raises(OptionError, match="REGISTRY/NAME@VERSION"):
        Reference.of(written)
    assert not names_registry(written)


def test_a_folder_of_that_name_comes_first(tmp_path):
    written = str(tmp_path / "zh@1.0.0")
    assert names_registry(written)
    (tmp_path / "zh@1.0.0").mkdir()
    assert not names_registry(written)


def test_versions_are_in_order():
    versions = ["10.0.0", "9.0.0", "1.0.0", "1.0.0-rc2", "1.0.0-rc10", "1.0.1"]
    assert in_order(versions) == ["1.0.0-rc2", "1.0.0-rc10", "1.0.0", "1.0.1", "9.0.0", "10.0.0"]


@pytest.mark.parametrize(
    "url", ["oci://", "oci://host/UPPER", "oci://user:secret@host/a", "hf://org/name", "nope://a"]
)
def test_what_is_no_registry_is_refused(url):
    with pytest.raises(OptionError):
        open_registry(url)


@pytest.mark.parametrize("content", [None, "{}", '{"format": 2}', "x"])
def test_a_place_that_is_no_registry_is_told_from_an_empty_one(tmp_path, content):
    if content is not None:
        (tmp_path / "sentire-registry.json").write_text(content)
    with open_registry(str(tmp_path)) as registry:
        for ask in (registry.names, lambda: registry.current("tiny", "live")):
            with pytest.raises(RegistryUnavailable, match=r"there is no registry|Update sentire"):
                ask()


@pytest.mark.parametrize(
    "url", ["s3://bucket/models", "oci://127.0.0.1:9/models"], ids=["S3", "OCI"]
)
def test_a_registry_that_does_not_answer_is_said(url, monkeypatch):
    for name, value in {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    with (
        open_registry(url) as registry,
        pytest.raises(RegistryUnavailable, match=rf"^registry {url}: ") as raised,
    ):
        registry.versions("tiny")
    assert "secret" not in str(raised.value)


def test_another_store_can_be_read_and_is_not_written(directory, made, tmp_path):
    import fsspec

    push(directory, made / "1.0.0")
    promote(directory, "tiny", "1.0.0", "live")
    fsspec.filesystem("memory").put(directory.url, "/copy", recursive=True)
    with open_registry("memory://copy") as registry:
        assert registry.names() == ["tiny"]
        assert registry.current("tiny", "live") == directory.current("tiny", "live")
        pull(open_source(registry, "tiny", "1.0.0"), tmp_path / "out")
        for write in (
            lambda: push(registry, made / "2.0.0"),
            lambda: registry.remove("tiny", "1.0.0"),
        ):
            with pytest.raises(OptionError, match="can be read only"):
                write()


def test_a_user_without_a_name_can_move_an_alias(monkeypatch):
    import pwd

    names = dict.fromkeys(("LOGNAME", "USER", "LNAME", "USERNAME"))
    for name in names:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 4_000_000)
    with pytest.raises(KeyError):
        pwd.getpwuid(4_000_000)
    assert this_user().startswith("unknown@")


def test_a_missing_client_names_the_extra(tmp_path):
    for module, url in (("s3fs", "s3://b/m"), ("httpx", "oci://h/m"), ("fsspec", "gs://b/m")):
        code = (
            f"import sys; sys.modules[{module!r}] = None\n"
            "from sentire.registry.references import open_registry\n"
            f"open_registry({url!r})\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], check=False, capture_output=True, text=True
        )
        assert "MissingExtra" in done.stderr
        assert "[registry]'" in done.stderr
