"""What a server with the shipped model holds, after texts of all lengths and after many swaps.

``MEMORY_TEXTS`` sets how many texts; the figures of the documentation are of 100,000.
"""

import asyncio
import math
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import msgspec
import pytest

from lines import lines_to
from sentire.bundle.builtin import find_bundle
from sentire.bundle.store import read_bundle, write_bundle
from servers import serving
from versions import point

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc here"),
]

N_TEXTS = int(os.environ.get("MEMORY_TEXTS", "3000"))
PATIENT = {
    "SENTIRE_LIMITS_REQUEST_S": "600",
    "SENTIRE_SERVER_ACCESS_LOG": "false",
    "SENTIRE_RELOAD_S": "0",
}
PARTS = ("the room is large, ", "but the service is bad. ", "房间很大，", "服务太差了。", "还行吧 ")


def resident_mb(process):
    status = Path(f"/proc/{process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def texts_from(seed):
    """Texts of 4 to 600 characters, evenly in the logarithm, no two alike."""
    dice = random.Random(seed)
    while True:
        n = int(4 * math.exp(5 * dice.random()))
        yield f"{dice.getrandbits(32)} " + "".join(dice.choices(PARTS, k=1 + n // 5))[:n]


async def score(url, n_texts, *, seed):
    """Score texts over 16 connections, most of them alone."""
    texts, dice, left = texts_from(seed), random.Random(seed), [n_texts]

    async def ask(line):
        while left[0] > 0:
            batch = [next(texts) for _ in range(dice.choice((1, 1, 1, 1, 2, 8, 32)))]
            left[0] -= len(batch)
            answer = await line.post("/predict", {"texts": batch})
            assert answer.status == 200
            assert [p["text"] for p in answer.body["predictions"]] == batch

    async with lines_to(url, 16) as lines:
        await asyncio.gather(*(ask(line) for line in lines))


def test_texts_of_all_lengths_leave_no_more_behind_than_the_first_of_them():
    with serving("serve-model", **PATIENT) as (process, url, _):
        asyncio.run(score(url, N_TEXTS // 10, seed=1))
        settled = resident_mb(process)
        asyncio.run(score(url, N_TEXTS - N_TEXTS // 10, seed=2))
        after = resident_mb(process)
    assert after <= 400, f"{settled:.0f} MB after {N_TEXTS // 10:,} texts"
    if N_TEXTS >= 100_000:  # before that, not every shape of a batch has been met
        assert after <= 1.05 * settled


def test_versions_that_were_replaced_give_their_memory_back(tmp_path):
    for version in ("1.0.0", "2.0.0"):
        shutil.copytree(find_bundle(None), tmp_path / version)
        manifest = read_bundle(tmp_path / version).manifest
        write_bundle(tmp_path / version, msgspec.structs.replace(manifest, version=version))
    alias, levels = tmp_path / "live.txt", []
    point(alias, tmp_path / "1.0.0")
    with serving("serve-model", "--model", f"live={alias}", **PATIENT) as served:
        process, url, _ = served
        for number in range(8):
            asyncio.run(score(url, 200, seed=number))
            levels.append(resident_mb(process))
            version = ("2.0.0", "1.0.0")[number % 2]
            point(alias, tmp_path / version)
            answer = httpx.post(f"{url}/v2/repository/models/live/load", timeout=60)
            assert answer.status_code == 200
            answer = httpx.post(f"{url}/predict", json={"text": "good"})
            assert answer.json()["model"]["version"] == version
    assert levels[-1] <= 1.15 * levels[1]
    assert levels[-1] <= 450


def test_what_a_server_has_loaded_is_out_of_garbage_collection_when_it_begins():
    code = """
import gc, os, signal
from sentire.web.server import bind, run
from sentire.web.settings import Limits, ServerSettings

async def app(scope, receive, send):
    for _ in range(2):  # startup, shutdown
        message = await receive()
        await send({"type": message["type"] + ".complete"})

def ready():
    print(gc.get_freeze_count(), len(gc.get_objects()))
    os.kill(os.getpid(), signal.SIGTERM)

signal.signal(signal.SIGTERM, lambda *_: None)
run(app, bind("127.0.0.1", 0), ServerSettings(), Limits(), on_ready=ready)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    n_frozen, n_searched = map(int, done.stdout.split())
    assert n_frozen > 10 * n_searched
