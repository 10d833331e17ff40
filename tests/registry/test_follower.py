import asyncio
import os
import shutil
import threading
import time
from pathlib import Path

import httpx
import msgspec
import pytest

import sentire
from sentire.bundle.store import read_bundle, write_bundle
from sentire.errors import BundleDamaged, RegistryUnavailable
from sentire.registry.aliases import promote, rollback
from sentire.registry.directory import DirectoryStore
from sentire.registry.follower import Follower
from sentire.registry.references import Reference, open_registry
from sentire.registry.upload import push
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.serving.factory import open_models
from sentire.serving.models import Models
from sentire.web.settings import ServerSettings
from servers import running


@pytest.fixture
def live(directory, made):
    """A registry in a directory of which ``production`` is the first version."""
    for version in ("1.0.0", "2.0.0", "3.0.0+b.1"):
        push(directory, made / version)
    promote(directory, "tiny", "1.0.0", "production")
    return directory


def source(registry, which="production"):
    return f"{registry.url}/tiny@{which}"


def follower_of(registry, tmp_path, which="production"):
    return Follower(Reference.of(source(registry, which)), tmp_path / "downloads")


def versions(tmp_path):
    return sorted(p.name.partition("-")[0] for p in (tmp_path / "downloads").glob("*/tiny/*/"))


def states(models):
    return [(state.version, state.state) for state in models.listed()]


def test_it_gives_what_the_alias_means_now(live, tmp_path):
    follower = follower_of(live, tmp_path)
    assert read_bundle(follower.sync()).info.version == "1.0.0"
    promote(live, "tiny", "2.0.0", "production")
    assert read_bundle(follower.sync()).info.version == "2.0.0"
    rollback(live, "tiny", "production")
    assert read_bundle(follower.sync()).info.version == "1.0.0"


def test_a_version_is_asked_once_and_then_needs_no_registry(live, tmp_path):
    follower = follower_of(live, tmp_path, "2.0.0")
    folder = follower.sync()
    shutil.rmtree(live.url)
    assert follower.sync() == folder


def test_old_versions_leave_the_disk(live, made, tmp_path):
    follower = follower_of(live, tmp_path)
    follower.sync()
    for version in ("2.0.0", "3.0.0+b.1", "2.0.0"):
        promote(live, "tiny", version, "production")
        follower.sync()
    assert versions(tmp_path) == ["1.0.0", "2.0.0", "3.0.0+b.1"]
    more_versions(live, made, tmp_path, "4.0.0")
    promote(live, "tiny", "4.0.0", "production")
    folder = follower.sync()
    assert versions(tmp_path) == ["2.0.0", "3.0.0+b.1", "4.0.0"]
    assert read_bundle(folder).info.version == "4.0.0"


class CountedPulls:
    """A registry in a directory that counts the files that are read from it."""

    def __init__(self, monkeypatch):
        self.n, stream = 0, DirectoryStore.stream

        def counted(store, path, *, offset):
            self.n += 1
            return stream(store, path, offset=offset)

        monkeypatch.setattr(DirectoryStore, "stream", counted)


def more_versions(registry, made, tmp_path, *versions):
    for version in versions:
        bundle = shutil.copytree(made / "1.0.0", tmp_path / version)
        manifest = msgspec.structs.replace(read_bundle(bundle).manifest, version=version)
        write_bundle(bundle, manifest)
        push(registry, bundle)


def test_what_is_followed_stays_on_the_disk_however_many_versions_that_are(
    live, made, tmp_path, monkeypatch
):
    more_versions(live, made, tmp_path, "4.0.0", "5.0.0")
    pulls = CountedPulls(monkeypatch)
    which = ("1.0.0", "2.0.0", "3.0.0+b.1", "4.0.0", "5.0.0", "production")
    several = [follower_of(live, tmp_path, each) for each in which]
    folders = [follower.sync() for follower in several]
    n_pulled = pulls.n
    for _ in range(3):
        assert [follower.sync() for follower in several] == folders
    assert pulls.n == n_pulled
    # So it is for a server that is started anew, and meets what others have left.
    restarted = [follower_of(live, tmp_path, each) for each in which]
    assert [follower.sync() for follower in restarted] == folders
    assert pulls.n == n_pulled


def test_what_nobody_has_followed_for_a_month_is_dropped(live, made, tmp_path):
    more_versions(live, made, tmp_path, "4.0.0", "5.0.0")
    several = [follower_of(live, tmp_path, f"{n}.0.0" + "+b.1" * (n == 3)) for n in (1, 2, 3, 4)]
    folders = [follower.sync() for follower in several]
    for age, follower, folder in zip((33, 32, 31, 31), several, folders, strict=True):
        before = time.time() - age * 24 * 3600
        for left in (folder, follower._pointer):
            os.utime(left, (before, before))
    several[3]._next_renewal = 0.0  # an hour later
    several[3].sync()
    assert len(versions(tmp_path)) == 4
    follower_of(live, tmp_path, "5.0.0").sync()
    assert versions(tmp_path) == ["2.0.0", "3.0.0+b.1", "4.0.0", "5.0.0"]


def test_a_registry_that_is_down_at_the_start_does_not_stop_what_was_here(live, tmp_path):
    first = follower_of(live, tmp_path).sync()
    shutil.move(live.url, tmp_path / "gone")
    restarted = follower_of(live, tmp_path)
    assert restarted.sync() == first
    with pytest.raises(RegistryUnavailable, match="there is no registry"):
        restarted.sync()
    other = Follower(Reference.of(source(live)), tmp_path / "elsewhere")
    with pytest.raises(RegistryUnavailable):
        other.sync()


def test_what_can_not_be_trusted_is_not_fetched_again_at_once(live, tmp_path):
    follower = follower_of(live, tmp_path)
    follower.sync()
    [weights] = Path(live.url).rglob("weights.bin")
    weights.write_bytes(bytes(weights.stat().st_size))
    promote(live, "tiny", "2.0.0", "production")
    with pytest.raises(BundleDamaged) as raised:
        follower.sync()
    weights.unlink()
    with pytest.raises(BundleDamaged) as again:
        follower.sync()
    assert again.value is raised.value
    promote(live, "tiny", "3.0.0+b.1", "production")
    assert read_bundle(follower.sync()).info.version == "3.0.0+b.1"


def test_a_bad_version_or_a_registry_that_is_down_leaves_the_old_one_serving(live, tmp_path):
    with Models(
        [source(live)], open_model=sentire.load, downloads=tmp_path / "downloads"
    ) as models:
        [config] = Path(live.url).glob("tiny/files/2.0.0/*/config.json")
        config.write_text("{ }")
        promote(live, "tiny", "2.0.0", "production")
        models.follow()
        models.follow()
        assert states(models) == [("1.0.0", "ready"), ("", "failed")]
        assert "config.json is not what its manifest says" in models.listed()[1].reason
        assert models.ready
        promote(live, "tiny", "3.0.0+b.1", "production")
        models.follow()
        models.follow()
        assert states(models) == [("3.0.0+b.1", "ready")]
        shutil.move(live.url, tmp_path / "gone")
        models.follow()
        models.follow()
        assert states(models) == [("3.0.0+b.1", "ready"), ("", "failed")]
        assert "there is no registry" in models.listed()[1].reason
        assert models.ready
        shutil.move(tmp_path / "gone", live.url)
        while len(models.listed()) > 1:
            models.follow()
            time.sleep(0.05)
        assert states(models) == [("3.0.0+b.1", "ready")]


@pytest.mark.slow
def test_promoting_under_load_fails_no_request(url, made, tmp_path):
    with open_registry(url) as registry:
        for version in ("1.0.0", "2.0.0"):
            push(registry, made / version)
        promote(registry, "tiny", "1.0.0", "production")
        settings = Settings(
            model=source(registry),
            downloads=str(tmp_path / "downloads"),
            server=ServerSettings(access_log=False),
            reload_s=0.05,
        )
        with open_models(settings) as models, running(create_app(models, settings)) as served:
            seen = asyncio.run(_ask_while_it_moves(served, models, registry))
    assert set(seen) == {"1.0.0", "2.0.0"}


async def _ask_while_it_moves(served, models, registry):
    done = asyncio.Event()

    async def ask(client, number):
        seen = []
        while not done.is_set():
            answer = await client.post("/predict", json={"text": f"text {number} {len(seen)}"})
            assert answer.status_code == 200, answer.text
            seen.append(answer.json()["model"]["version"])
        return seen

    async with httpx.AsyncClient(base_url=served, timeout=60) as client:
        asking = [asyncio.create_task(ask(client, number)) for number in range(4)]
        for move in (
            lambda: promote(registry, "tiny", "2.0.0", "production"),
            lambda: rollback(registry, "tiny", "production"),
            lambda: promote(registry, "tiny", "2.0.0", "production"),
        ):
            to = (await asyncio.to_thread(move)).to
            while states(models) != [(to, "ready")]:
                await asyncio.sleep(0.02)
        done.set()
        return [version for seen in await asyncio.gather(*asking) for version in seen]


def test_the_server_that_ends_does_not_wait_for_the_registry(live, tmp_path):
    settings = Settings(model=source(live), downloads=str(tmp_path / "downloads"), reload_s=0.01)
    before = set(threading.enumerate())  # of servers that other tests share
    with open_models(settings) as models, running(create_app(models, settings)):
        own = set(threading.enumerate()) - before
        watching = [thread for thread in own if thread.name == "sentire-watcher"]
        assert watching
    assert not any(thread.is_alive() for thread in watching)
