"""Rules and dashboard: what promtool says, and whether a running service has what they ask for."""

import json
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from urllib.parse import urlsplit

import httpx
import pytest
import yaml
from charts import CHART, DEPLOY, render
from scraping import CONFIG, RULES, prometheus, until

from servers import serving

promql = pytest.importorskip("promql_parser", reason="promql-parser is not installed")

pytestmark = pytest.mark.timeout(900)  # several processes and some scrapes

TESTS = RULES.with_name("rules.test.yml")
DASHBOARD = DEPLOY / "grafana" / "dashboards" / "sentire.json"
GUIDE = DEPLOY.parent / "docs" / "guides" / "monitoring.md"

GROUPS = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
EVERY_RULE = [rule for group in GROUPS for rule in group["rules"]]
ALERTS = {rule["alert"]: rule for rule in EVERY_RULE if "alert" in rule}
RECORDS = {rule["record"] for rule in EVERY_RULE if "record" in rule}

BOARD = json.loads(DASHBOARD.read_text(encoding="utf-8"))
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]

OPERATORS = {
    "MatchOp.Equal": "=",
    "MatchOp.NotEqual": "!=",
    "MatchOp.Re": "=~",
    "MatchOp.NotRe": "!~",
}
NOT_HERE = {"namespace", "pod", "service"}
"""Labels that only the Prometheus operator adds."""


def promtool(*words):
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    done = subprocess.run(["promtool", *words], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_finds_nothing_to_mend(tmp_path):
    page = GUIDE.read_text(encoding="utf-8")
    [shown] = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "shown.yml").write_text(shown, encoding="utf-8")
    promtool("check", "config", "--syntax-only", tmp_path / "shown.yml")
    promtool("check", "config", CONFIG)
    promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)


def test_alerts_fire_when_they_should_and_stay_silent_otherwise():
    promtool("test", "rules", TESTS)


def test_every_alert_is_seen_firing_and_silent():
    tests = yaml.safe_load(TESTS.read_text(encoding="utf-8"))["tests"]
    cases = [case for test in tests for case in test.get("alert_rule_test", [])]
    assert {case["alertname"] for case in cases if "exp_alerts" in case} == ALERTS.keys()
    silent = {case["alertname"] for case in cases if "exp_alerts" not in case}
    # Workers that are missing have no other side that could be mistaken for it.
    assert silent == ALERTS.keys() - {"SentireWorkersMissing"}


def test_every_alert_is_explained():
    page = GUIDE.read_text(encoding="utf-8")
    assert re.findall(r"^### (Sentire\w+)$", page, re.MULTILINE) == list(ALERTS)
    for name, rule in ALERTS.items():
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
        runbook = urlsplit(rule["annotations"]["runbook_url"])
        assert runbook.path.endswith("/docs/guides/monitoring.md")
        assert runbook.fragment == name.lower()


def test_panels_lie_beside_each_other():
    taken = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


def test_panels_say_what_they_show_and_ask_the_chosen_source():
    for panel in PANELS:
        assert panel["description"].endswith("."), panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["fieldConfig"]["defaults"].get("unit") or panel["type"] == "table"


def filled(expression):
    """Put everything in the place of the dashboard's variables."""
    expression = expression.replace("$__rate_interval", "1m")
    return re.sub(r"\$(namespace|job|instance|model)\b", ".*", expression)


def board_queries():
    for panel in PANELS:
        for target in panel["targets"]:
            yield pytest.param(
                filled(target["expr"]), id=f"{panel['title']} {target['refId']}".replace(" ", "-")
            )


@pytest.fixture(scope="module")
def scaling_queries(tmp_path_factory):
    """What KEDA and the Prometheus adapter ask, as Prometheus gets to see it."""
    objects = render(CHART / "ci" / "keda-values.yaml", folder=tmp_path_factory.mktemp("helm"))
    [scaled] = [each for each in objects if each["kind"] == "ScaledObject"]
    keda = scaled["spec"]["triggers"][0]["metadata"]["query"]
    adapter = yaml.safe_load((DEPLOY / "helm" / "prometheus-adapter-values.yaml").read_text())
    [rule] = adapter["rules"]["custom"]
    asked = rule["metricsQuery"].replace("<<.LabelMatchers>>", 'namespace="shop",pod=~"a|b"')
    return [keda, asked.replace("<<.GroupBy>>", "pod")]


def selectors(expression):
    """Every selector in an expression, without the labels that are only there on Kubernetes."""

    def walk(node):
        if isinstance(node, promql.VectorSelector):
            yield node
        if isinstance(node, promql.MatrixSelector):
            yield node.vector_selector
        inner = [getattr(node, name, None) for name in ("lhs", "rhs", "expr")]
        for each in [*inner, *(getattr(node, "args", None) or [])]:
            if each is not None:
                yield from walk(each)

    for found in walk(promql.parse(expression)):
        kept = [each for each in found.matchers.matchers if each.name not in NOT_HERE]
        written = ",".join(f"{m.name}{OPERATORS[str(m.op)]}{json.dumps(m.value)}" for m in kept)
        yield f"{found.name}{{{written}}}"


def statuses_of_many(url):
    """Ask for long texts from many threads at once."""

    def ask(number):
        texts = [f"{number} {each} " + "好坏" * 2000 for each in range(20)]
        return httpx.post(f"{url}/predict", json={"texts": texts}, timeout=60).status_code

    with ThreadPoolExecutor(12) as threads:
        return set(threads.map(ask, range(12)))


def names(asked):
    """What the rules have recorded."""
    return {each["__name__"] for each in asked.series('{__name__=~".+:.+"}')}


@pytest.fixture(scope="module")
def watched(tiny_bundle, tmp_path_factory):
    """Prometheus over real processes that have seen good texts, bad ones, and too many."""
    folder = tmp_path_factory.mktemp("watched")
    quiet = {"SENTIRE_SERVER_ACCESS_LOG": "false"}
    short = {"SENTIRE_LIMITS_QUEUE": "1", "SENTIRE_CACHE_BYTES": "0"}
    with ExitStack() as stack:
        _, workers, _ = stack.enter_context(
            serving("serve-model", "--model", tiny_bundle, "--workers", 2, **quiet)
        )
        _, narrow, _ = stack.enter_context(
            serving("serve-model", "--model", tiny_bundle, **quiet, **short)
        )
        _, _, lines = stack.enter_context(
            serving("serve", "--model-url", "http://127.0.0.1:9", **quiet)
        )
        page = next(line for line in lines if line.split()[:1] == ["page"])
        gateway = page.split()[1].rstrip("/")

        def ask():
            texts = [f"I love this {number}" for number in range(20)] + ["Das ist leider nichts."]
            body = {"texts": [*texts, "", "q" * 3000]}
            assert httpx.post(f"{workers}/predict", json=body, timeout=120).status_code == 200
            until(lambda: 429 in statuses_of_many(narrow), "too much at once is refused")
            assert httpx.post(f"{gateway}/analyze", json={"text": "a"}).status_code == 503

        places = {"gateway:8080": gateway, "model-1:5000": workers, "model-2:5000": narrow}
        targets = {name: url.removeprefix("http://") for name, url in places.items()}
        asked = stack.enter_context(prometheus(folder / "prometheus", targets))
        until(lambda: set(asked.targets().values()) == {"up"}, "every target is up")
        ask()
        # A counter that is born within a window has no rate before its second sample.
        done = 'min(count_over_time(sentire_requests_total{status=~"200|429|503"}[1m]))'
        until(lambda: [value for _, value in asked.query(done) if value >= 2], "two scrapes")
        recorded = "count(count by (status) (namespace_job_status:sentire_requests:rate5m)) > 2"
        until(lambda: asked.query(recorded), "every status is recorded")
        until(lambda: names(asked) >= RECORDS, "every record is written")
        ask()
        yield asked


@pytest.mark.slow
def test_rules_ask_only_for_what_a_service_has(watched):
    for rule in EVERY_RULE:
        for selector in selectors(rule["expr"]):
            assert watched.series(selector), f"{rule.get('alert') or rule['record']}: {selector}"


@pytest.mark.slow
def test_prometheus_evaluates_every_rule(watched):
    until(lambda: all(rule["health"] == "ok" for rule in watched.rules()), "the rules are read")
    assert {rule["name"] for rule in watched.rules()} == ALERTS.keys() | RECORDS


@pytest.mark.slow
def test_the_model_that_nobody_reaches_shows_as_errors_and_the_full_queue_as_overload(watched):
    shares = {
        status: {
            labels["job"]: value
            for labels, value in watched.query(
                f'sum by (job) (namespace_job_status:sentire_requests:rate5m{{status="{status}"}})'
            )
        }
        for status in ("429", "503")
    }
    assert shares["429"].keys() == {"sentire-model"}
    assert shares["503"].keys() == {"sentire-gateway"}


@pytest.mark.slow
@pytest.mark.parametrize("expression", list(board_queries()))
def test_every_query_of_the_dashboard_shows_something(watched, expression):
    for selector in selectors(expression):
        assert watched.series(selector), selector
    without = re.sub(r" or vector\(0\)$", "", expression)
    if not re.search(r"== 0\)+$", without):  # nothing is away, and no model is not ready
        assert watched.query(without)
    assert watched.query(expression)


@pytest.mark.slow
def test_variables_of_the_dashboard_find_values(watched):
    for variable in BOARD["templating"]["list"][1:]:
        selector, label = re.fullmatch(
            r"label_values\((.+), (\w+)\)", variable["definition"]
        ).groups()
        found = {each.get(label) for each in watched.series(filled(selector))}
        assert found == {None} if label in NOT_HERE else None not in found and found


@pytest.mark.slow
def test_what_scalers_ask_is_a_wait_in_seconds(watched, scaling_queries):
    for query in scaling_queries:
        for selector in selectors(query):
            assert watched.series(selector)
        here = re.sub(rf'\b({"|".join(NOT_HERE)})=~?"[^"]*",?\s*', "", query).replace("(pod)", "()")
        until(lambda here=here: watched.query(here), "the wait is known")
        [(_, seconds)] = watched.query(here)
        assert 0 <= seconds < 30
