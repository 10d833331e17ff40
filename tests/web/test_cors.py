"""Pages of other sites: none unless the settings name them."""

import httpx
import pytest

from sentire.errors import OptionError
from sentire.service.app import create_app
from sentire.service.settings import Settings, load_settings
from sentire.web.keys import new_key
from sentire.web.settings import KeySettings, ServerSettings
from servers import running, serving

SHOP = "https://shop.example"
OTHER = "https://other.example"


def preflight(client, origin, path="/predict"):
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, x-api-key, x-request-timeout",
    }
    return client.options(path, headers=asked)


@pytest.fixture(scope="module")
def guarded(tiny_models, tmp_path_factory):
    """A server with keys that lets one other site in, and a key that may ask once."""
    presented, key = new_key("shop", rate=0.1)
    file = tmp_path_factory.mktemp("keys") / "keys.txt"
    file.write_text(key.line())
    settings = Settings(
        server=ServerSettings(access_log=False, cors_origins=(SHOP,)),
        keys=KeySettings(file=str(file)),
    )
    with running(create_app(tiny_models, settings)) as url, httpx.Client(base_url=url) as client:
        yield client, presented


def test_a_preflight_needs_no_key_and_allows_what_clients_send(guarded):
    client, _ = guarded
    answer = preflight(client, SHOP)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert "POST" in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert {"content-type", "x-api-key", "x-request-timeout"} <= {*allowed.split(", ")}
    assert "access-control-allow-credentials" not in answer.headers


def test_another_site_is_not_allowed(guarded):
    client, presented = guarded
    answer = preflight(client, OTHER)
    assert (answer.status_code, answer.headers.get("access-control-allow-origin")) == (400, None)
    answer = client.get("/docs", headers={"Origin": OTHER, "X-API-Key": presented})
    assert "access-control-allow-origin" not in answer.headers


def test_answers_and_refusals_can_be_read(guarded):
    client, presented = guarded
    mine = {"Origin": SHOP, "X-API-Key": presented}
    answers = [
        client.post("/predict", json={"texts": ["a"] * 20}, headers=mine),
        client.post("/predict", json={"text": "a"}, headers={"Origin": SHOP}),
        client.post("/predict", json={"text": "a"}, headers=mine),
    ]
    assert [answer.status_code for answer in answers] == [200, 401, 429]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == SHOP
        assert "Retry-After" in answer.headers["access-control-expose-headers"]
        assert answer.headers["vary"] == "Origin"


def test_an_allowed_page_may_call_what_others_may_not(tiny_models):
    for origins, status in (((), 403), ((SHOP,), 200), (("*",), 200)):
        settings = Settings(server=ServerSettings(access_log=False, cors_origins=origins))
        with running(create_app(tiny_models, settings)) as url:
            answer = httpx.post(f"{url}/v2/repository/index", json={}, headers={"Origin": SHOP})
        assert answer.status_code == status
        assert ("access-control-allow-origin" in answer.headers) == bool(origins)


def test_nobody_is_allowed_by_default(tiny_models):
    with (
        running(create_app(tiny_models, Settings(server=ServerSettings(access_log=False)))) as url,
        httpx.Client(base_url=url) as client,
    ):
        assert preflight(client, SHOP).status_code == 405
        answer = client.get("/health/live", headers={"Origin": SHOP})
        assert "access-control-allow-origin" not in answer.headers


def test_origins_are_a_setting_in_the_file_and_the_environment(tmp_path):
    file = tmp_path / "sentire.toml"
    file.write_text(f'[server]\ncors_origins = ["{SHOP}", "http://127.0.0.1:3000"]\n')
    assert load_settings(file, {}).server.cors_origins == (SHOP, "http://127.0.0.1:3000")
    environ = {"SENTIRE_SERVER_CORS_ORIGINS": f"{SHOP}, *"}
    assert load_settings(file, environ).server.cors_origins == (SHOP, "*")
    for wrong in ("shop.example", f"{SHOP}/", f"{SHOP}/page", "ftp://x", "https://*.example"):
        with pytest.raises(OptionError, match="a list of origins, such as"):
            load_settings(None, {"SENTIRE_SERVER_CORS_ORIGINS": wrong})


def test_the_option_of_the_command_wins(tiny_bundle):
    options = ("--model", tiny_bundle, "--cors-origin", SHOP, "--cors-origin", "http://x:1")
    with (
        serving("serve-model", *options, SENTIRE_SERVER_CORS_ORIGINS=OTHER) as (_, url, _),
        httpx.Client(base_url=url) as client,
    ):
        allowed = [preflight(client, each).status_code for each in (SHOP, "http://x:1", OTHER)]
    assert allowed == [200, 200, 400]
