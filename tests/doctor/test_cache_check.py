import pytest

from sentire.doctor.cache import look
from sentire.doctor.findings import Machine
from sentire.service.settings import Settings
from sentire.serving.settings import CacheSettings
from valkeyserver import free_port, valkey


@pytest.fixture(scope="module")
def server():
    with valkey(free_port()) as url:
        yield url


def finding(url, **more):
    [found] = look(Machine(Settings(cache=CacheSettings(url=url, **more))))
    return found


def test_a_server_that_answers_is_fine(server):
    found = finding(f"{server}/0")
    assert found.status == "fine"
    assert found.details["seconds"] > 0


def test_an_address_nobody_listens_on_is_broken():
    found = finding(f"redis://:secret@127.0.0.1:{free_port()}/0")
    assert found.status == "broken"
    assert "Connection refused" in found.found or "connecting" in found.found
    assert "secret" not in repr(found)


def test_a_server_that_is_too_slow_for_the_setting_is_a_warning(server):
    found = finding(server, timeout_s=0.000001)
    assert found.status == "warning"
    assert "never asked in time" in found.found


def test_a_server_that_refuses_the_password_is_broken(server):
    from redis import Redis

    with Redis.from_url(server) as client:
        client.config_set("requirepass", "right")
    try:
        wrong = finding(server.replace("//", "//:wrong@"))
        assert wrong.status == "broken"
        assert "password" in wrong.found
        assert finding(server).status == "broken"
        assert finding(server.replace("//", "//:right@")).status == "fine"
    finally:
        with Redis.from_url(server, password="right") as client:
            client.config_set("requirepass", "")


def test_what_is_no_url_is_told():
    found = finding("http://127.0.0.1")
    assert found.status == "broken"
    assert "redis://HOST" in found.fix


def test_no_shared_cache_is_nothing_to_say():
    [found] = look(Machine())
    assert found.status == "skipped"
