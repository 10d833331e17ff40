"""``sentire serve-model`` as a process of its own."""

import asyncio
import signal

import httpx
import pytest

from servers import serving
from tiny import make_bundle


def test_it_serves_several_models_and_ends_in_good_order(tmp_path):
    for name, version in (("old", "1.0.0"), ("new", "2.0.0")):
        make_bundle(tmp_path / name, version=version)
    (tmp_path / "current.txt").write_text("old\n")
    options = [f"live={tmp_path}/current.txt", tmp_path / "new", tmp_path / "old"]
    words = [word for option in options for word in ("--model", option)]
    with serving("serve-model", *words) as (process, url, lines):
        versions = {
            model: httpx.post(
                f"{url}/predict", json={"text": "好", **({"model": model} if model else {})}
            ).json()["model"]["version"]
            for model in (None, "live", "tiny", "tiny@1.0.0", "tiny@2.0.0")
        }
        assert versions == {
            None: "1.0.0",
            "live": "1.0.0",
            "tiny": "2.0.0",
            "tiny@1.0.0": "1.0.0",
            "tiny@2.0.0": "2.0.0",
        }
        assert httpx.get(f"{url}/static/app.js").status_code == 404
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert "  model  live 1.0.0, tiny 2.0.0, tiny 1.0.0\n" in lines


def test_a_rewritten_alias_file_exchanges_the_model(tmp_path):
    for name, version in (("old", "1.0.0"), ("new", "2.0.0")):
        make_bundle(tmp_path / name, version=version)
    alias = tmp_path / "current.json"
    alias.write_text('{"bundle": "old"}')
    options = ["--model", f"live={alias}"]
    with serving("serve-model", *options, SENTIRE_RELOAD_S="0.05") as (process, url, lines):
        with httpx.Client(base_url=url) as client:
            alias.write_text('{"bundle": "new"}')
            versions = []
            while "2.0.0" not in versions:
                answer = client.post("/predict", json={"text": "好"})
                assert answer.status_code == 200
                versions.append(answer.json()["model"]["version"])
        assert versions == sorted(versions)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert any("version 2.0.0 (sha256:" in line for line in lines)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_told_to_stop_under_load_it_answers_what_it_took_and_ends(workers, tiny_bundle):
    async def ask(url, process):
        """Ask without pause until the server takes no more; every answer must be whole."""
        n_answered = 0
        limits = httpx.Limits(max_keepalive_connections=0)
        async with httpx.AsyncClient(base_url=url, limits=limits, timeout=30) as client:
            while True:
                text = f"text {n_answered} {asyncio.current_task().get_name()}"
                try:
                    answer = await client.post("/predict", json={"text": text})
                except (httpx.ConnectError, httpx.ReadError):
                    return n_answered  # refused, or reset where nobody had taken it in yet
                assert answer.status_code == 200
                assert answer.json()["text"] == text
                n_answered += 1
                if n_answered == 10:
                    process.send_signal(signal.SIGTERM)

    async def main(url, process):
        return await asyncio.gather(*(ask(url, process) for _ in range(8)))

    options = ["--model", tiny_bundle, "--workers", workers]
    with serving("serve-model", *options) as (process, url, lines):
        n_answered = sum(asyncio.run(main(url, process)))
        assert process.wait(30) == 0
    assert n_answered == sum("POST /predict 200" in line for line in lines) >= 10
    assert not any("Traceback" in line or "failed" in line for line in lines)
