"""The service on a real Ray cluster, under load while replicas and versions come and go."""

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import httpx
import psutil
import pytest
from raycluster import Cluster, ray_cluster

from sentire.bundle.store import read_bundle
from sentire.registry.aliases import promote, resolve
from sentire.registry.references import open_registry
from sentire.registry.upload import push
from tiny import make_bundle

pytest.importorskip("ray", reason="needs the extra ray")
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

VERSIONS = ("1.0.0", "2.0.0")
QUICK = {
    "upscale_delay_s": 0,
    "downscale_delay_s": 1,
    "look_back_s": 2,
    "report_s": 0.5,
    "hang_s": 60,
}
WITHIN_S = 240
"""For what takes seconds on a machine with nothing else to do."""


class Served(NamedTuple):
    """An application with two models: one in a registry, under an alias, and one in a folder."""

    cluster: Cluster
    url: str
    registry: str
    digests: dict[str, str]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("ray")
    registry, digests = folder / "shelf", {}
    with open_registry(str(registry)) as opened:
        for version in VERSIONS:
            make_bundle(folder / version, version=version)
            digests[version] = read_bundle(folder / version).info.digest
            push(opened, folder / version)
        promote(opened, "tiny", VERSIONS[0], "production")
    make_bundle(folder / "plain", version="3.0.0", emotion=False)
    settings = folder / "sentire.toml"
    settings.write_text(f'reload_s = 0.2\ndownloads = "{folder / "downloads"}"\n')
    models = [f"live={registry}/tiny@production", f"plain={folder / 'plain'}"]
    with ray_cluster() as cluster:
        url = cluster.run(
            "main",
            "/",
            models=models,
            config=str(settings),
            max_replicas=2,
            target_ongoing_requests=4,
            target_wait_ms=10_000,
            **QUICK,
        )
        yield Served(cluster, url, str(registry), digests)


class Load:
    """Clients that ask one after the other, and what they were answered."""

    def __init__(self, url: str, **request: object) -> None:
        self._url, self._request = url, request
        self.answers: list[httpx.Response] = []
        self._end = asyncio.Event()

    @asynccontextmanager
    async def by(self, n_clients: int):
        self._end.clear()
        async with httpx.AsyncClient(base_url=self._url, timeout=WITHIN_S) as client:
            asking = [asyncio.create_task(self._ask(client)) for _ in range(n_clients)]
            try:
                yield
            finally:
                self._end.set()
                await asyncio.gather(*asking)

    async def _ask(self, client: httpx.AsyncClient) -> None:
        name = asyncio.current_task().get_name()
        for n in itertools.count():
            if self._end.is_set():
                return
            texts = [f"text {n} of {name}", f"文字 {n}"]
            answer = await client.post("/predict", json={"texts": texts, **self._request})
            self.answers.append(answer)
            if answer.status_code == 200:
                assert [each["text"] for each in answer.json()["predictions"]] == texts


async def until(is_so, *, every_s: float = 0.2) -> None:
    """Wait for something that happens elsewhere."""
    async with asyncio.timeout(WITHIN_S):
        while not await asyncio.to_thread(is_so):
            await asyncio.sleep(every_s)


def versions(answer: httpx.Response) -> set[tuple[str, str]]:
    """Version and digest of each prediction of an answer."""
    models = [each["model"] for each in answer.json()["predictions"]]
    return {(model["version"], model["digest"]) for model in models}


def ask(url: str, path: str = "/predict", **body: object) -> httpx.Response:
    return httpx.post(f"{url}{path}", json=body, timeout=WITHIN_S)


def test_one_application_serves_two_models_in_all_dialects(served):
    url = served.url
    assert ask(url, text="I love this").json()["model"]["name"] == "tiny"
    assert ask(url, text="I love this", model="plain").json()["model"]["version"] == "3.0.0"
    faces = ask(url, "/", inputs="I love this").json()
    assert sum(each["score"] for each in faces) == pytest.approx(1, abs=1e-3)
    inputs = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["I love this"]}
    kserve = ask(url, "/v2/models/plain/infer", inputs=[inputs])
    assert (kserve.status_code, kserve.json()["model_name"]) == (200, "plain")
    listed = httpx.get(f"{url}/v2/models", timeout=WITHIN_S).json()
    assert {"live", "plain"} == {each["name"] for each in listed["versions"]}


def test_refusals_are_the_service_s_own(served):
    wrong = ask(served.url, text=3)
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_request")
    assert len(wrong.headers.get_list("x-request-id")) == 1
    absent = ask(served.url, text="Good.", model="absent")
    assert (absent.status_code, absent.json()["code"]) == (404, "model_not_found")
    lonely = ask(served.url, "/v2/repository/models/live/unload")
    assert (lonely.status_code, "Move the alias" in lonely.json()["error"]) == (400, True)


def test_replicas_come_with_the_load_and_go_after_it_without_a_failed_request(served):
    cluster, load = served.cluster, Load(served.url)

    async def main():
        await until(lambda: cluster.n_running("main") == 1)
        async with load.by(16):
            await until(lambda: cluster.n_running("main") == 2)
            await until(lambda: len(pages(served.url)) == 2)
        async with load.by(1):
            await until(lambda: cluster.n_running("main") == 1)
            await until(lambda: len(cluster.replicas("main")) == 1)

    asyncio.run(main())
    assert {answer.status_code for answer in load.answers} == {200}


def pages(url: str) -> set[str]:
    """Replicas that the page of metrics tells of."""
    page = httpx.get(f"{url}/metrics", timeout=WITHIN_S).text
    lines = [line for line in page.splitlines() if line.startswith("sentire_model_ready{")]
    return {line.partition('replica="')[2].partition('"')[0] for line in lines}


def test_a_moved_alias_reaches_every_replica_without_a_failed_or_mixed_answer(served):
    cluster, load = served.cluster, Load(served.url)
    with open_registry(served.registry) as registry:
        before, _ = resolve(registry, "tiny", "production")
        [after] = set(VERSIONS) - {before}

        async def main():
            async with load.by(12):
                await until(lambda: cluster.n_running("main") == 2)
                await until(lambda: len(load.answers) > 20)
                await asyncio.to_thread(promote, registry, "tiny", after, "production")
                await until(lambda: informed(served.url) == {after})

        asyncio.run(main())
    assert {answer.status_code for answer in load.answers} == {200}
    seen = [versions(answer) for answer in load.answers]
    assert all(len(each) == 1 for each in seen)  # no request was answered by two versions
    assert set.union(*seen) == {(each, served.digests[each]) for each in VERSIONS}


def informed(url: str) -> set[str]:
    """Versions of the model under the alias that serve, over both replicas."""
    page = httpx.get(f"{url}/metrics", timeout=WITHIN_S).text
    lines = [line for line in page.splitlines() if line.startswith("sentire_model_info{")]
    live = [line for line in lines if 'model="live"' in line]
    return {line.partition('version="')[2].partition('"')[0] for line in live}


def test_a_killed_replica_is_replaced_and_every_answer_is_right_or_a_problem(served):
    cluster, load = served.cluster, Load(served.url)

    async def main():
        await until(lambda: len(cluster.replicas("main")) == 1)
        [old] = cluster.replicas("main")
        async with load.by(3):
            await until(lambda: len(load.answers) > 10)
            old.kill()
            n_before = len(load.answers)
            await until(
                lambda: (
                    {200} == {each.status_code for each in load.answers[-20:]}
                    and len(load.answers) > n_before + 40
                )
            )
        new = cluster.replicas("main")
        assert new
        assert old not in new
        assert all(each.is_running() for each in new)

    asyncio.run(main())
    failed = [answer for answer in load.answers if answer.status_code != 200]
    assert {answer.status_code for answer in failed} <= {503}
    assert {answer.json()["code"] for answer in failed} <= {"replica_lost", "not_ready"}
    assert all(answer.headers["retry-after"] == "1" for answer in failed)


def test_waits_alone_start_another_replica_and_an_end_leaves_none(served):
    cluster = served.cluster
    arguments = {"models": ["zh-en"], "target_ongoing_requests": 10_000, "target_wait_ms": 0.1}
    url = cluster.run("waits", "/waits", max_replicas=2, **arguments, **QUICK)
    load = Load(url, sentences=True)

    async def main():
        async with load.by(12):
            await until(lambda: cluster.n_running("waits") == 2)

    asyncio.run(main())
    assert {answer.status_code for answer in load.answers} == {200}
    processes = cluster.replicas("waits")
    assert len(processes) == 2
    cluster.delete("waits")
    _, left = psutil.wait_procs(processes, timeout=WITHIN_S)
    assert left == []
    gone = ask(url, text="Good.")
    assert gone.status_code == 404
