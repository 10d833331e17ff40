"""``--workers`` in real processes: one port, one view, and what happens when they end."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sentire.cli.worker_processes import private_folder
from sentire.errors import OptionError
from servers import serving
from tiny import make_bundle

QUIET = {"SENTIRE_SERVER_ACCESS_LOG": "false"}
SENTIRE = Path(sys.executable).with_name("sentire")


def figures(url):
    """Every sample on a page that a worker makes: name and labels -> value."""
    text = httpx.get(f"{url}/metrics", timeout=30).text
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = (value for name, value in sorted(sample.labels.items()) if name != "digest")
            key = (sample.name, *labels)
            assert key not in found, "nothing is told twice"
            found[key] = sample.value
    return found


def workers_of(process):
    """The processes below the command."""
    return sorted(psutil.Process(process.pid).children(), key=lambda each: each.pid)


def until(condition, seconds=100):
    """Wait for something that happens elsewhere."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        threading.Event().wait(0.05)


def ask(url, text, **more):
    """Ask on a connection of its own."""
    answer = httpx.post(f"{url}/predict", json={"text": text, **more}, timeout=30)
    assert answer.json()["text"] == text
    return answer


ANSWERED = ("sentire_requests_total", "POST", "/predict", "200")


def test_several_workers_are_one_server_with_one_view(tiny_bundle):
    options = ["--model", tiny_bundle, "--workers", "2", "--threads", "2"]
    with serving("serve-model", *options, **QUIET) as (process, url, lines):
        assert sum(line.startswith("sentire is ready") for line in lines) == 1
        assert "  model  tiny 0.0.1\n" in lines
        workers = workers_of(process)
        assert len(workers) == 2
        clients = [httpx.Client(base_url=url, timeout=30) for _ in range(8)]
        for n in range(40):
            for m, client in enumerate(clients):
                client.post("/predict", json={"texts": [f"text {n} {m}", "twice", ""]})
        assert all(worker.cpu_times().user > 0 for worker in workers)
        for client in clients:
            page = client.get("/metrics").text
            assert f'route="/predict",status="200"}} {320.0}' in page
            client.close()
        found = figures(url)
        assert found[ANSWERED] == found["sentire_request_seconds_count", "/predict"] == 320
        assert found["sentire_request_seconds_bucket", "+Inf", "/predict"] == 320
        texts = {key[2]: n for key, n in found.items() if key[0] == "sentire_texts_total"}
        assert texts.pop("empty_text") == 320
        assert sum(texts.values()) == 640
        sources = {key[1]: n for key, n in found.items() if key[0] == "sentire_cache_texts_total"}
        assert sum(sources.values()) == 960
        assert sources["model"] == 320 + 320 + 2, "each worker has computed one text in common"
        assert found["sentire_model_info", "fake", "tiny", "0.0.1"] == 1
        assert found["sentire_model_ready", "tiny"] == 1
        assert found["sentire_workers",] == found["sentire_workers_ready",] == 2
        assert found["sentire_worker_starts_total",] == 2
        for worker in ("1", "2"):
            assert found["process_resident_memory_bytes", worker] > 1e6
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert not any(worker.is_running() for worker in workers)
    assert not any("Traceback" in line or "Error" in line for line in lines)


def test_clients_that_come_together_are_divided(tiny_bundle):
    options = ["--model", tiny_bundle, "--workers", "2", "--threads", "1"]
    with serving("serve-model", *options, **QUIET) as (_, url, _lines):

        def open_files():
            return [figures(url)["process_open_fds", worker] for worker in ("1", "2")]

        before = open_files()
        clients = [httpx.Client(base_url=url, timeout=30) for _ in range(30)]
        for client in clients:
            client.get("/health/live")
        more = [after - at_first for after, at_first in zip(open_files(), before, strict=True)]
        for client in clients:
            client.close()
    assert min(more) >= 10, more


def test_a_killed_worker_takes_only_its_own_requests_down_and_is_replaced(tiny_bundle):
    ended = threading.Event()
    n_clients = 12

    async def client(url, name):
        """Ask without pause on one connection; count answers, and requests that failed."""
        n_answered, n_failed = 0, 0
        async with httpx.AsyncClient(base_url=url, timeout=30) as http:
            while not ended.is_set():
                text = f"text {name} {n_answered}"
                try:
                    answer = await http.post("/predict", json={"text": text})
                except httpx.TransportError:
                    n_failed += 1
                    continue
                assert answer.status_code == 200
                assert answer.json()["text"] == text
                n_answered += 1
        return n_answered, n_failed

    async def load(url):
        return await asyncio.gather(*(client(url, name) for name in range(n_clients)))

    options = ["--model", tiny_bundle, "--workers", "2", "--threads", "2"]
    with serving("serve-model", *options, **QUIET) as (process, url, lines):
        counts = []
        loading = threading.Thread(target=lambda: counts.extend(asyncio.run(load(url))))
        loading.start()
        try:
            until(lambda: figures(url).get(ANSWERED, 0) > 100)
            before = figures(url)[ANSWERED]
            victim, other = workers_of(process)
            victim.kill()
            until(lambda: any("ended by SIGKILL" in line for line in lines))
            assert httpx.get(f"{url}/health/ready", timeout=30).status_code == 200
            assert figures(url)[ANSWERED] >= before
            until(lambda: figures(url)["sentire_workers_ready",] == 2)
            now = workers_of(process)
            assert other in now
            assert victim not in now
            assert len(now) == 2
        finally:
            ended.set()
            loading.join()
        answered, failed = (sum(each) for each in zip(*counts, strict=True))
        assert len(counts) == n_clients
        assert failed <= n_clients, "a connection breaks once"
        until(lambda: figures(url)[ANSWERED] >= answered - failed)
        found = figures(url)
        assert found[ANSWERED] <= answered + failed
        assert found["sentire_worker_starts_total",] == 3
        # Nobody asks now: not a single count may go with a worker.
        for worker in workers_of(process):
            worker.kill()
        until(lambda: sum("ended by SIGKILL" in line for line in lines) == 3)
        until(lambda: figures(url)["sentire_workers_ready",] == 2)
        after = figures(url)
        for name in (ANSWERED, ("sentire_batch_rows_count", "tiny")):
            assert after[name] == found[name]
        assert ask(url, "again").status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert not any("Traceback" in line for line in lines)


def test_a_worker_that_hangs_is_replaced_and_meanwhile_the_other_answers(tiny_bundle):
    options = ["--model", tiny_bundle, "--workers", "2", "--threads", "1"]
    with serving("serve-model", *options, SENTIRE_SERVER_HANG_S="8", **QUIET) as served:
        process, url, lines = served
        victim = workers_of(process)[0]
        victim.suspend()
        for n in range(5):
            assert ask(url, f"text {n}").status_code == 200
        assert victim.status() == psutil.STATUS_STOPPED, "they did not wait for it"
        until(lambda: any("did not answer within 8 s" in line for line in lines))
        until(lambda: figures(url)["sentire_workers_ready",] == 2)
        assert not victim.is_running()


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["--model", "no-such-model"], id="a usage error"),
        pytest.param(["--model", "BROKEN"], id="an error of ours"),
    ],
)
def test_what_can_never_start_ends_the_command_as_it_does_without_workers(options, tmp_path):
    make_bundle(tmp_path / "bundle")
    with (tmp_path / "bundle" / "tokenizer.json").open("a") as file:
        file.write(" ")
    words = [str(tmp_path / "bundle") if word == "BROKEN" else word for word in options]
    alone, together = (
        subprocess.run(
            [SENTIRE, "serve-model", "--port", "0", "--workers", n, *words],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        for n in ("1", "3")
    )
    assert together.returncode == alone.returncode != 0
    assert together.stderr == alone.stderr
    assert together.stderr.count("\n") == 1


def test_a_replacement_that_cannot_start_is_tried_again_while_another_serves(tmp_path):
    make_bundle(tmp_path / "bundle")
    shutil.copytree(tmp_path / "bundle", tmp_path / "whole")
    options = ["--model", tmp_path / "bundle", "--workers", "2", "--threads", "1"]
    with serving("serve-model", *options, SENTIRE_RELOAD_S="0", **QUIET) as served:
        process, url, lines = served
        with (tmp_path / "bundle" / "tokenizer.json").open("a") as file:
            file.write(" ")
        first, second = workers_of(process)
        first.kill()
        until(lambda: sum("did not start" in line for line in lines) >= 2)
        assert "tokenizer.json" in next(line for line in lines if "did not start" in line)
        assert ask(url, "a").status_code == 200
        assert figures(url)["sentire_workers_ready",] == 1
        shutil.copytree(tmp_path / "whole", tmp_path / "bundle", dirs_exist_ok=True)
        until(lambda: figures(url)["sentire_workers_ready",] == 2)
        with (tmp_path / "bundle" / "tokenizer.json").open("a") as file:
            file.write(" ")
        for worker in workers_of(process):
            worker.kill()
        assert process.wait(60) == 1
    assert "tokenizer.json" in lines[-1]
    assert second not in psutil.process_iter()


def test_only_this_user_may_enter_where_workers_meet():
    with private_folder() as folder:
        assert folder.stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with pytest.raises(OptionError, match="TMPDIR"), private_folder():
        pytest.fail("there is no such folder")


def test_workers_do_not_outlive_the_command(tiny_bundle):
    options = ["--model", tiny_bundle, "--workers", "2", "--threads", "1"]
    with serving("serve-model", *options, **QUIET) as (process, url, _):
        workers = workers_of(process)
        process.kill()
        gone, left = psutil.wait_procs(workers, timeout=30)
        assert not left
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/health/live")
    assert len(gone) == 2


def test_ctrl_c_stops_the_gateway_and_its_workers_in_good_order(tiny_bundle):
    with serving("serve", "--model", tiny_bundle, "--workers", "2") as (process, url, lines):
        workers = workers_of(process)
        answer = httpx.post(f"{url}/analyze", json={"text": "typed 很好"}, timeout=30)
        assert answer.status_code == 200
        assert httpx.get(url).headers["content-type"].startswith("text/html")
        os.kill(process.pid, signal.SIGINT)
        assert process.wait(60) == 0
        assert not any(worker.is_running() for worker in workers)
    assert any("POST /analyze 200" in line for line in lines)
    assert not any("typed" in line or "Traceback" in line for line in lines)


def test_a_model_is_loaded_and_unloaded_in_all_workers(tmp_path):
    for version in ("1.0.0", "2.0.0"):
        make_bundle(tmp_path / version, version=version)
    alias = tmp_path / "alias"
    alias.write_text("1.0.0")
    options = ["--model", f"live={alias}", "--workers", "3", "--threads", "1"]
    with serving("serve-model", *options, SENTIRE_RELOAD_S="0", **QUIET) as (_, url, _lines):

        def versions():
            clients = [httpx.Client(base_url=url, timeout=30) for _ in range(12)]
            answers = [client.post("/predict", json={"text": "a"}) for client in clients]
            for client in clients:
                client.close()
            return {
                answer.json().get("model", {}).get("version", answer.status_code)
                for answer in answers
            }

        def change(what, name="live"):
            return httpx.post(f"{url}/v2/repository/models/{name}/{what}", timeout=60).status_code

        alias.write_text("2.0.0")
        assert versions() == {"1.0.0"}
        assert change("load") == 200
        assert versions() == {"2.0.0"}
        assert change("unload") == 200
        assert versions() == {503}
        assert figures(url)["sentire_model_ready", "live"] == 0
        assert change("load") == 200
        assert versions() == {"2.0.0"}
        assert change("load", "other") == 404
        alias.write_text("none")
        assert change("load") == 400
        assert versions() == {"2.0.0"}
        found = figures(url)
        assert found["sentire_swaps_total", "live", "taken"] == 6
        assert found["sentire_swaps_total", "live", "refused"] == 3
        assert found["sentire_model_info", "fake", "live", "2.0.0"] == 1


def test_a_worker_that_is_replaced_serves_no_model_that_was_unloaded(tmp_path):
    make_bundle(tmp_path / "bundle")
    options = [f"--model={name}={tmp_path / 'bundle'}" for name in ("one", "two")]
    more = ["--workers", "2", "--threads", "1"]
    with serving("serve-model", *options, *more, **QUIET) as (process, url, _lines):
        assert httpx.post(f"{url}/v2/repository/models/two/unload", timeout=60).status_code == 200
        for worker in workers_of(process):
            worker.kill()
        until(lambda: figures(url)["sentire_worker_starts_total",] == 4)
        until(lambda: figures(url)["sentire_workers_ready",] == 2)
        found = figures(url)
        assert found["sentire_model_ready", "one"] == 1
        assert found["sentire_model_ready", "two"] == 0
        for _ in range(6):
            answer = httpx.post(f"{url}/predict", json={"text": "a", "model": "two"}, timeout=30)
            assert answer.status_code == 503
