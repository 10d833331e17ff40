"""This machine is asked directly, whatever the environment says; a proxy that fails is named."""

import httpx
import pytest

from behindproxy import behind_proxy, proxy_named
from sentire.doctor.findings import Machine
from sentire.doctor.services import look
from sentire.errors import OptionError
from sentire.gateway.remote import RemoteModels
from sentire.proxies import is_loopback, open_client, proxy_of
from sentire.registry.aliases import promote
from sentire.registry.references import open_registry
from sentire.registry.upload import push
from sentire.request_context import RequestRecord, Timing
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.serving.settings import RemoteSettings
from sentire.telemetry.traces import Tracing
from sentire.web.settings import ServerSettings
from servers import running
from tiny import make_bundle


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        pytest.param("http://localhost:5000", True, id="name"),
        pytest.param("http://LOCALHOST./path", True, id="absolute name"),
        pytest.param("http://api.localhost", True, id="below localhost"),
        pytest.param("http://127.8.0.1:1", True, id="127/8"),
        pytest.param("http://[::1]:5000", True, id="IPv6"),
        pytest.param("http://[::ffff:127.0.0.1]", True, id="IPv4 in IPv6"),
        pytest.param("http://user@127.0.0.1:5000", True, id="user"),
        pytest.param("http://127.0.0.1.example.com", False, id="a name that looks like it"),
        pytest.param("http://localhost.example.com", False, id="another name"),
        pytest.param("http://10.0.0.1", False, id="near"),
        pytest.param("http://127.0.0.1@example.com", False, id="a user that looks like it"),
        pytest.param("http://[::1", False, id="no URL"),
        pytest.param("model:5000", False, id="no scheme"),
    ],
)
def test_loopback_is_told_from_all_others(url, is_here):
    assert is_loopback(url) is is_here


def test_a_proxy_is_named_by_scheme_without_its_credentials_save_where_it_is_not_asked():
    with proxy_named(
        HTTP_PROXY="http://user:pass@proxy:3128", ALL_PROXY="proxy:1080", NO_PROXY="near.test"
    ):
        assert proxy_of("http://far.test") == "http://proxy:3128"
        assert proxy_of("https://far.test") == "proxy:1080"
        assert proxy_of("http://near.test") == proxy_of("http://localhost") == ""
    with proxy_named():
        assert proxy_of("http://far.test") == ""


def test_a_client_of_one_host_goes_direct_to_this_machine_alone(tiny_models):
    with running(create_app(tiny_models, Settings())) as url, behind_proxy():
        for kind in ({}, {"ALL_PROXY": "socks://127.0.0.1:1"}):
            with pytest.MonkeyPatch.context() as patch:
                for name, value in kind.items():
                    patch.setenv(name, value)
                with open_client(httpx, url) as client:
                    assert client.get(f"{url}/health/live").status_code == 200
        with open_client(httpx, url) as client, pytest.raises(httpx.ConnectError):
            client.get("http://192.0.2.1/", timeout=5)  # at the proxy, where nobody answers


def test_a_proxy_of_no_known_kind_is_said_where_it_is_needed():
    with (
        proxy_named(ALL_PROXY="socks://127.0.0.1:1"),
        pytest.raises(OptionError, match=r"ALL_PROXY names can't be used: .*socks"),
    ):
        open_client(httpx, "http://model.test")


def test_a_gateway_and_doctor_reach_services_on_this_machine(tiny_models):
    settings = Settings(server=ServerSettings(access_log=False))
    with running(create_app(tiny_models, settings)) as url, behind_proxy() as proxy:
        local = url.replace("127.0.0.1", "localhost")
        with RemoteModels([url, local]) as models:
            assert models.ready
            models.follow()
            assert models.ready
        remote = RemoteSettings(urls=(url, local, "http://192.0.2.1:5000"))
        found = list(look(Machine(Settings(remote=remote))))
        assert [finding.status for finding in found] == ["fine", "fine", "broken"]
        assert f"http://192.0.2.1:5000 (by way of the proxy {proxy})" in found[2].found


@pytest.mark.parametrize("kind", ["oci", "s3"])
def test_a_registry_on_this_machine_is_reached(request, tmp_path, kind):
    bundle = make_bundle(tmp_path / "bundle")
    if kind == "oci":
        from ociregistry import oci_registry

        with oci_registry(tmp_path / "blobs") as host, behind_proxy():
            _use(f"oci://{host}/models", bundle.path)
    else:
        from objectstore import environment, object_store

        with object_store() as variables, environment(variables), behind_proxy():
            _use("s3://bucket/models", bundle.path)


def _use(url, bundle):
    with open_registry(url) as registry:
        push(registry, bundle)
        promote(registry, "tiny", "0.0.1", "production")
        assert registry.names() == ["tiny"]


def test_traces_reach_a_receiver_on_this_machine():
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    from otlpreceiver import receiving

    with receiving() as receiver, behind_proxy(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        tracing = Tracing()
        end = tracing.begin({"path": "/predict", "headers": []})
        end(RequestRecord("POST", "/predict", 200, 0.001, "1", Timing()))
        tracing.close()
        assert len(receiver.spans(1)) == 1
