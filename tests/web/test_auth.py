import base64
import hashlib
import logging

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sentire.errors import OptionError
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.serving.watcher import Watcher
from sentire.web.keys import Bucket, Keys, new_key, read_keys
from sentire.web.settings import KeySettings, ServerSettings
from servers import running


@pytest.fixture
def file(tmp_path):
    return tmp_path / "keys.txt"


def write(file, *keys):
    file.write_text("# who may ask\n\n" + "".join(key.line() for key in keys))


def settings(file, **options):
    keys = KeySettings(file=str(file), **options)
    return Settings(server=ServerSettings(access_log=False), keys=keys, reload_s=0.01)


def test_a_key_is_found_by_its_hash_and_is_not_in_the_file(file):
    presented, key = new_key("shop", rate=2.5, admin=True)
    write(file, key)
    assert presented not in file.read_text()
    assert hashlib.sha256(presented.encode()).hexdigest() in file.read_text()
    keys = Keys(file)
    assert (keys.find(presented).name, keys.find(presented).admin) == ("shop", True)
    assert [keys.find(other) for other in ("", presented + "x", presented[:-1], "\udcff")] == [
        None
    ] * 4
    assert read_keys(file) == [key]


def test_no_key_is_made_twice():
    assert len({new_key("shop")[0] for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "has no key", id="empty"),
        pytest.param("# only words\n", "has no key", id="only a comment"),
        pytest.param("shop:my-secret-key\n", "line 1", id="the key itself"),
        pytest.param(f"\nshop:sha256:{'a' * 63}\n", "line 2", id="a short hash"),
        pytest.param(f"shop:sha256:{'a' * 64} rate=0\n", "line 1", id="no rate"),
        pytest.param(f"shop:sha256:{'a' * 64} rate=nan\n", "line 1", id="no number"),
        pytest.param(f"shop:sha256:{'a' * 64} root\n", "line 1", id="another word"),
        pytest.param(f"sh op:sha256:{'a' * 64}\n", "line 1", id="a blank in the name"),
    ],
)
def test_a_file_that_is_no_list_of_keys_is_refused_without_showing_it(file, text, said):
    file.write_text(text)
    with pytest.raises(OptionError, match=said) as refused:
        Keys(file)
    assert "my-secret-key" not in str(refused.value)


def test_a_missing_or_binary_file_is_refused(file):
    with pytest.raises(OptionError, match="No such file"):
        Keys(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(OptionError, match="UTF-8"):
        Keys(file)


@given(st.text(max_size=80))
@example(" a")
@example("a\n")
@example("a:sha256:" + "0" * 64)
def test_any_line_is_a_key_or_an_option_error(text):
    try:
        presented, key = new_key(text)
    except OptionError:
        return
    assert key.name == text
    assert presented


def test_a_changed_file_is_taken_and_a_broken_one_is_not(file, caplog):
    (old, old_key), (new, new_key_) = new_key("shop"), new_key("shop")
    write(file, old_key)
    keys = Keys(file)
    write(file, old_key, new_key_)
    keys.follow()
    assert keys.find(old)
    assert keys.find(new)
    write(file, new_key_)
    keys.follow()
    assert (keys.find(old), bool(keys.find(new))) == (None, True)
    with caplog.at_level(logging.ERROR):
        for broken in ("", "shop", None):
            if broken is None:
                file.unlink()
            else:
                file.write_text(broken)
            keys.follow()
            assert keys.find(new)
    assert caplog.text.count("the keys stay as they are") == 3


def test_a_bucket_lets_the_rate_through_over_time():
    bucket = Bucket(5.0, 0.0)
    assert bucket.wait_s(0.0) == 0.0
    bucket.take(50)
    assert bucket.wait_s(0.0) == pytest.approx(0.0, abs=1e-6)
    assert bucket.wait_s(0.0) > 0
    bucket.take(10)
    assert bucket.wait_s(1.0) == pytest.approx(1.0, abs=1e-3)
    assert bucket.wait_s(2.1) == 0.0
    bucket.take(1000)
    assert bucket.wait_s(2.1) == pytest.approx(199.9, abs=0.1)


@given(st.lists(st.tuples(st.floats(0.01, 5), st.integers(1, 40)), max_size=200))
def test_over_any_time_no_more_than_the_rate_the_burst_and_one_request_is_let_in(asks):
    bucket, now, taken, largest = Bucket(3.0, 0.0), 0.0, 0, 0
    for after, n in asks:
        now += after
        if bucket.wait_s(now) == 0.0:
            bucket.take(n)
            taken, largest = taken + n, max(largest, n)
    assert taken <= 3.0 * now + 30 + largest


OPEN = ("/health/live", "/health/ready", "/health", "/v2/health/live", "/v2/health/ready")
GUARDED = (
    "/docs",
    "/openapi.json",
    "/v2/models",
    "/nothing",
    "/health/",
    "/Health/live",
    "//health",
)


def test_all_but_health_asks_for_a_key_in_every_dialect(file, tiny_models):
    presented, key = new_key("shop")
    write(file, key)
    with (
        running(create_app(tiny_models, settings(file))) as url,
        httpx.Client(base_url=url) as client,
    ):
        assert [client.get(path).status_code for path in OPEN] == [200] * len(OPEN)
        assert [client.get(path).status_code for path in GUARDED] == [401] * len(GUARDED)
        for path in ("/predict", "/", "/v2/models/tiny/infer"):
            for headers in ({}, {"X-API-Key": "wrong"}, {"Authorization": "Digest x"}):
                answer = client.post(path, json={"text": "a"}, headers=headers)
                assert answer.status_code == 401
                schemes = answer.headers.get_list("www-authenticate")
                assert [scheme.split()[0] for scheme in schemes] == ["Bearer", "Basic"]
                assert "error" in answer.json() or answer.json()["code"].startswith("key_")
        pair = base64.b64encode(f"me:{presented}".encode()).decode()
        for headers in (
            {"Authorization": f"Bearer {presented}"},
            {"authorization": f"bearer  {presented}"},
            {"Authorization": f"Basic {pair}"},
            {"X-API-Key": presented},
        ):
            assert client.post("/predict", json={"text": "a"}, headers=headers).status_code == 200
        assert client.get("/docs", headers={"Authorization": "Basic !"}).status_code == 401


def test_only_an_admin_s_key_loads_and_unloads(file, tiny_models):
    (user, user_key), (admin, admin_key) = new_key("shop"), new_key("deploy", admin=True)
    write(file, user_key, admin_key)
    path = "/v2/repository/models/tiny/load"
    with running(create_app(tiny_models, settings(file))) as url:
        answers = [
            httpx.post(url + path, json={}, headers={"X-API-Key": key}) for key in (user, admin)
        ]
    assert [answer.status_code for answer in answers] == [403, 200]
    assert "admin" in answers[0].json()["error"]


def test_a_holder_who_asks_too_much_is_told_when_to_come_back_and_others_are_not(file, tiny_models):
    (greedy, greedy_key), (other, other_key) = new_key("greedy", rate=1.0), new_key("other")
    write(file, greedy_key, other_key)
    with (
        running(create_app(tiny_models, settings(file, rate=1000.0))) as url,
        httpx.Client(base_url=url) as client,
    ):
        body = {"texts": ["a"] * 60}
        first = client.post("/predict", json=body, headers={"X-API-Key": greedy})
        assert first.status_code == 200, "no request is too large for a limit"
        second = client.post("/predict", json=body, headers={"X-API-Key": greedy})
        assert (second.status_code, second.json()["code"]) == (429, "rate_limited")
        assert 40 <= int(second.headers["retry-after"]) <= 51
        assert client.post("/predict", json=body, headers={"X-API-Key": other}).status_code == 200


def test_a_running_server_takes_a_new_key_and_drops_an_old_one(file, tiny_models):
    (old, old_key), (new, new_key_) = new_key("shop"), new_key("shop")
    write(file, old_key)
    with (
        running(create_app(tiny_models, settings(file))) as url,
        httpx.Client(base_url=url) as client,
    ):

        def status(key):
            return client.get("/docs", headers={"X-API-Key": key}).status_code

        assert (status(old), status(new)) == (200, 401)
        write(file, new_key_)
        while status(new) == 401:
            pass
        assert status(old) == 401


def test_a_watcher_calls_all_that_it_was_given():
    called = []
    with Watcher(lambda: called.append(1), lambda: called.append(2), every_s=0.001):
        while min(called.count(1), called.count(2)) < 2:
            pass
