"""One image, several models, from a mounted registry; upgraded by an alias alone."""

import asyncio
import shutil
import threading
import time

import httpx
import msgspec
import pytest
from engine import HARDENED

from lines import lines_to
from sentire.bundle.builtin import find_bundle
from sentire.bundle.store import read_bundle, write_bundle
from sentire.registry.aliases import promote, rollback
from sentire.registry.references import open_registry
from sentire.registry.upload import push

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

OLD, NEW = "1.0.0", "1.1.0"
N_LINES = 8


@pytest.fixture
def shelf(tmp_path):
    """A registry with two versions of ``shop`` and one of ``hotel``, all of the shipped weights."""
    with open_registry(str(tmp_path / "shelf")) as registry:
        for name, version in (("shop", OLD), ("shop", NEW), ("hotel", OLD)):
            bundle = shutil.copytree(find_bundle(), tmp_path / f"{name}-{version}")
            manifest = read_bundle(bundle).manifest
            write_bundle(bundle, msgspec.structs.replace(manifest, name=name, version=version))
            push(registry, bundle)
            shutil.rmtree(bundle)
        for name in ("shop", "hotel"):
            promote(registry, name, OLD, "production")
        # A registry is made for its owner; the containers run as somebody else.
        tmp_path.chmod(0o755)
        yield registry


def serve(images, shelf, *options):
    models = (
        word for name in ("shop", "hotel") for word in ("--model", f"/models/{name}@production")
    )
    return images.engine.serving(
        *(*HARDENED, "--volume", f"{shelf.url}:/models:ro", "--tmpfs", "/tmp:mode=1777", *options),
        *(images.names["model"], "serve-model", "--open", *models),
    )


def test_a_mounted_registry_serves_both_of_its_models(images, shelf):
    with serve(images, shelf, "--memory=768m") as container:
        listed = httpx.get(f"{container.url}/v2/models", timeout=30)
        for name in ("shop", "hotel"):
            answer = httpx.post(
                f"{container.url}/predict", json={"text": "很好用", "model": name}, timeout=30
            )
            assert answer.json()["model"]["name"] == name, (answer.text, listed.text)
            assert answer.json()["label"] == "positive"


def test_moving_the_alias_upgrades_under_load_without_a_failed_request(images, shelf):
    with serve(images, shelf, "--memory=768m") as container:
        stop, seen = threading.Event(), []
        load = threading.Thread(target=lambda: asyncio.run(ask_until(stop, container.url, seen)))
        load.start()
        try:
            wait_for(OLD, seen)
            promote(shelf, "shop", NEW, "production", why="a test")
            wait_for(NEW, seen)
            rollback(shelf, "shop", "production")
            wait_for(OLD, seen)
        finally:
            stop.set()
            load.join()
        assert {status for status, _ in seen} == {200}
        assert len(seen) > 100
        assert container.state()["OOMKilled"] is False


async def ask_until(stop, url, seen):
    """Send requests on several lines, and note the status and version of each answer."""

    async def ask(line, number):
        while not stop.is_set():
            texts = [f"房间很大，服务太差 {number}-{len(seen)}", f"I love it {number}-{len(seen)}"]
            answer = await line.post("/predict", {"texts": texts})
            versions = {
                prediction["model"]["version"] for prediction in answer.body.get("predictions", ())
            }
            seen.append((answer.status, ", ".join(sorted(versions))))

    async with lines_to(url, N_LINES) as lines, asyncio.TaskGroup() as group:
        for number, line in enumerate(lines):
            group.create_task(ask(line, number))


def wait_for(version, seen):
    """Wait until that version answers, and alone."""
    deadline = time.monotonic() + 120
    while {found for _, found in seen[-4 * N_LINES :]} != {version} or len(seen) < 4 * N_LINES:
        assert time.monotonic() < deadline, seen[-20:]
        time.sleep(0.05)
