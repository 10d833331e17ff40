"""The services of the compose file as processes of this machine, without a container engine."""

import asyncio
import itertools
from contextlib import ExitStack

import pytest
from charts import DEPLOY
from scraping import prometheus, until
from test_compose import SERVICES, written

from lines import lines_to
from servers import serving
from valkeyserver import free_port, valkey

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # four processes and a load

GATEWAY, MODELS = "gateway", ("model-1", "model-2")
N_LINES = 8


class Topology:
    """What runs: processes and addresses by the name of the service."""

    def __init__(self, stack, bundle, folder):
        self.processes, self.hosts = {}, {}
        self.stack = stack
        self.hosts["valkey:6379"] = f"127.0.0.1:{free_port()}"
        stack.enter_context(valkey(int(self.hosts["valkey:6379"].rpartition(":")[2])))
        for name in MODELS:
            # A machine that runs many tests at once may well be slower than 0.05 s.
            instead = {"SENTIRE_MODEL": str(bundle), "SENTIRE_CACHE_TIMEOUT_S": "5"}
            self.start(name, "serve-model", "5000", **instead)
        self.start(GATEWAY, "serve", "8080")
        targets = {name: self.hosts[name] for name in self.hosts if not name.startswith("valkey")}
        self.prometheus = stack.enter_context(prometheus(folder / "prometheus", targets))

    def start(self, name, command, port, *options, **instead):
        """Start a service with the variables that the compose file gives it."""
        environment = {key: written(value) for key, value in SERVICES[name]["environment"].items()}
        for host, here in self.hosts.items():
            environment = {key: value.replace(host, here) for key, value in environment.items()}
        given = {**environment, "SENTIRE_SERVER_LOG": "text", **instead}
        process, url, _ = self.stack.enter_context(serving(command, *options, **given))
        self.processes[name], self.hosts[f"{name}:{port}"] = process, url.removeprefix("http://")

    def value(self, expression):
        """What Prometheus says of an expression; 0 where it knows nothing."""
        return sum(value for _, value in self.prometheus.query(expression))


@pytest.fixture
def topology(tiny_bundle, tmp_path):
    with ExitStack() as stack:
        yield Topology(stack, tiny_bundle, tmp_path)


def test_the_compose_file_has_these_services():
    assert {GATEWAY, *MODELS, "valkey", "prometheus", "grafana"} == SERVICES.keys()


async def ask_while(topology, texts, *, kill_after):
    """Send all texts over some connections; kill the first model when so many were answered."""
    waiting, answered = iter(texts), itertools.count(1)
    answers = {}

    async def work(line):
        for text in waiting:
            answers[text] = await line.post("/analyze", {"text": text})
            if next(answered) == kill_after:
                topology.processes[MODELS[0]].kill()

    url = f"http://{topology.hosts['gateway:8080']}"
    async with lines_to(url, N_LINES) as lines:
        await asyncio.gather(*map(work, lines))
    return answers


def test_a_model_that_is_killed_under_load_costs_no_request_and_prometheus_sees_it(topology):
    until(lambda: set(topology.prometheus.targets().values()) == {"up"}, "every target is up")
    texts = [f"第 {number} 条，很好" for number in range(600)]
    answers = asyncio.run(ask_while(topology, texts, kill_after=200))

    assert {answer.status for answer in answers.values()} == {200}
    assert answers.keys() == set(texts)
    assert all(answer.body["text"] == text for text, answer in answers.items())

    dead, alive = (topology.hosts[f"{name}:5000"] for name in MODELS)
    until(lambda: topology.prometheus.targets()[dead] == "down", "the model is seen as away")
    assert topology.prometheus.targets()[alive] == "up"
    until(
        lambda: "pending" in states(topology, "SentireTargetDown"),
        "the alert waits its two minutes",
    )
    assert states(topology, "SentireDown") == set()
    asked = 'sentire_requests_total{job="sentire-gateway", route="/analyze", status="200"}'
    until(lambda: topology.value(asked) == len(texts), "every request is counted")
    assert topology.value('sentire_requests_total{job="sentire-gateway", status=~"5.."}') == 0

    # What the dead one had computed, the other takes from the cache that they share.
    again = asyncio.run(ask_while(topology, texts[:100], kill_after=None))
    assert {text: answer.body for text, answer in again.items()} == {
        text: answers[text].body for text in texts[:100]
    }
    shared = f'sentire_cache_texts_total{{instance="{alive}", source="shared"}}'
    until(lambda: topology.value(shared) > 10, "answers come from the shared cache")


def states(topology, alert):
    """How the instances of an alert fare."""
    return {
        each["state"]
        for rule in topology.prometheus.rules()
        if rule["name"] == alert
        for each in rule["alerts"]
    }


def test_the_dashboard_is_where_grafana_is_told_to_look():
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    [mounted] = [v for v in SERVICES["grafana"]["volumes"] if v.split(":")[1] in home]
    source, target, _ = mounted.split(":")
    assert (DEPLOY / source / home.removeprefix(target).lstrip("/")).is_file()
