"""``sentire serve --model-url`` in front of ``sentire serve-model``, each a process of its own."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from servers import serving


def test_a_gateway_asks_its_model_service_and_both_stop_in_good_order(tiny_bundle):
    with serving("serve-model", "--model", tiny_bundle) as (service, model_url, _):
        with serving("serve", "--model-url", model_url) as (gateway, url, lines):
            answer = httpx.post(f"{url}/analyze", json={"text": "typed 很好"}, timeout=30)
            assert answer.json()["model"]["name"] == "tiny"
            assert answer.json()["text"] == "typed 很好"
            assert httpx.get(f"{url}/health/ready").status_code == 200
            gateway.send_signal(signal.SIGTERM)
            assert gateway.wait(30) == 0
        assert any("model  tiny 0.0.1" in line for line in lines)
        assert not any("Traceback" in line or "typed" in line for line in lines)
        service.send_signal(signal.SIGTERM)
        assert service.wait(30) == 0


def test_a_gateway_starts_without_its_service_and_says_so():
    with serving("serve", "--model-url", "http://127.0.0.1:9") as (_, _, lines):
        url = next(line.split()[1] for line in lines if line.split()[:1] == ["page"])
        assert any("none yet: no model service answers" in line for line in lines)
        assert httpx.get(f"{url}health/live").status_code == 200
        assert httpx.post(f"{url}analyze", json={"text": "a"}).status_code == 503


@pytest.mark.parametrize(
    ("command", "words", "environment", "said"),
    [
        pytest.param("serve", ["--model-url", "model:5000"], {}, "http://HOST:PORT", id="scheme"),
        pytest.param(
            "serve", ["--model-url", "http://a", "--model", "b"], {}, "here or there", id="both"
        ),
        pytest.param(
            "serve-model", [], {"SENTIRE_REMOTE_URLS": "http://a"}, "holds its models", id="service"
        ),
    ],
)
def test_what_contradicts_itself_is_said_before_anything_starts(command, words, environment, said):
    done = subprocess.run(
        [Path(sys.executable).with_name("sentire"), command, "--port", "0", *words],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=60,
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
