import socket

import pytest

from objectstore import environment, object_store
from sentire.doctor.findings import Machine
from sentire.doctor.registry import ask, look
from sentire.registry.aliases import promote
from sentire.registry.references import open_registry
from sentire.registry.upload import push
from sentire.service.settings import Settings
from valkeyserver import free_port


@pytest.fixture
def shelf(tmp_path, tiny_bundle):
    """A registry in a folder, with the tiny model and an alias."""
    folder = tmp_path / "shelf"
    with open_registry(str(folder)) as registry:
        push(registry, tiny_bundle)
        promote(registry, "tiny", "0.0.1", "production", why="tests")
    return folder


def test_a_registry_that_has_the_model_is_fine(shelf, only):
    finding = only(look(Machine(Settings(model=f"{shelf}/tiny@production"))))
    assert (finding.status, finding.details["version"]) == ("fine", "0.0.1")


@pytest.mark.parametrize("which", ["staging", "9.9.9"])
def test_an_alias_or_version_that_is_not_there_is_broken(shelf, which):
    finding = ask(f"{shelf}/tiny@{which}")
    assert finding.status == "broken"
    assert f"sentire models list {shelf}" in finding.fix


def test_a_folder_without_a_registry_is_broken(tmp_path):
    assert ask(f"{tmp_path}/nothing/tiny@production").status == "broken"


def test_a_manifest_that_was_altered_is_broken(shelf):
    [manifest] = shelf.glob("tiny/versions/*.json")
    manifest.write_bytes(manifest.read_bytes().replace(b"for tests", b"for thieves"))
    assert ask(f"{shelf}/tiny@production").status == "broken"


def test_a_store_that_nobody_answers_for_is_broken():
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    variables = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with environment(variables):
        finding = ask("s3://bucket/models/tiny@production")
    assert finding.status == "broken"
    assert "AWS_" in finding.fix


def test_a_real_store_answers(tiny_bundle):
    with object_store() as variables, environment(variables):
        with open_registry("s3://bucket/models") as registry:
            push(registry, tiny_bundle)
        assert ask("s3://bucket/models/tiny@0.0.1").status == "fine"
        assert ask("s3://nobody/models/tiny@0.0.1").status == "broken"


def test_a_registry_of_images_that_nobody_answers_for_is_broken():
    finding = ask(f"oci://127.0.0.1:{free_port()}/models/tiny@production")
    assert finding.status == "broken"


def test_one_that_never_answers_is_not_waited_for():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        finding = ask(f"oci://{address}/models/tiny@production", timeout_s=0.5)
        assert finding.status == "broken"
        assert "no answer within 0.5 s" in finding.found
        silent.accept()[0].close()


def test_no_registry_is_nothing_to_say(only):
    assert only(look(Machine())).status == "skipped"
