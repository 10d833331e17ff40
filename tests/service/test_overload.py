"""Ten times as much as the model can do, for ``OVERLOAD_SECONDS`` (5; the full trial is 60)."""

import asyncio
import os
import statistics
import time
from collections import deque
from pathlib import Path

import httpx
import pytest

from held import Paced, models_with
from lines import lines_to
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.web.settings import ServerSettings
from servers import running

SETTINGS = Settings(server=ServerSettings(access_log=False))
SECONDS = float(os.environ.get("OVERLOAD_SECONDS", "5"))
RUN_S = 0.2
ROWS = 32
"""In one batch, since the texts have the same length."""
TEXTS = 16
EVERY_S = TEXTS / (10 * ROWS / RUN_S)
"""Between two requests: ten times what the model can do."""


def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


class Seen:
    """What came back, counted; nothing of the answers is kept."""

    def __init__(self, expected):
        self.expected = expected
        self.n_right = 0
        self.refused_ms = []

    def check(self, texts, answer):
        if answer.status == 429:
            assert answer.body["code"] == "overloaded"
            assert int(answer.headers["retry-after"]) >= 1
            self.refused_ms.append(answer.ms("total"))
            return
        assert answer.status == 200, answer.body
        predictions = answer.body["predictions"]
        assert [p["text"] for p in predictions] == texts
        assert [p["probabilities"] for p in predictions] == [self.expected(t) for t in texts]
        self.n_right += 1


async def overload(url, seen, memory):
    """Send requests when they are due, whatever becomes of the others; how many there were."""
    async with lines_to(url, 100) as lines:
        free, asking, number = deque(lines), set(), 0  # in turn: an idle line would be closed

        async def ask(line, number):
            texts = [f"{number:07} {place:03}" for place in range(TEXTS)]
            seen.check(texts, await line.post("/predict", {"texts": texts}))
            free.append(line)

        began = time.monotonic()
        while (passed := time.monotonic() - began) < SECONDS:
            while number < int(passed / EVERY_S) and free:
                task = asyncio.create_task(ask(free.popleft(), number))
                asking.add(task)
                task.add_done_callback(asking.discard)
                number += 1
            if len(memory) < 100 * passed / SECONDS:
                memory.append(resident_mb())
            await asyncio.sleep(EVERY_S)
        await asyncio.gather(*asking)
        for after in range(10):
            answer = await lines[0].post("/predict", {"text": f"after {after}"})
            assert answer.body["probabilities"] == seen.expected(f"after {after}")
            assert answer.ms("total") < 1000 * (2 * RUN_S + 1)
        return number


@pytest.mark.slow
def test_every_request_gets_its_answer_or_is_told_at_once_when_to_come_back(
    tiny_bundle, tiny_analyzer
):
    seen, memory = Seen(lambda text: tiny_analyzer.analyze(text).probabilities), []
    with (
        models_with(Paced(RUN_S), tiny_bundle, max_waiting=4 * ROWS) as models,
        running(create_app(models, SETTINGS)) as url,
    ):
        n_asked = asyncio.run(overload(url, seen, memory))
        assert httpx.get(f"{url}/health/ready").status_code == 200
    assert n_asked == seen.n_right + len(seen.refused_ms)
    assert seen.n_right >= 0.5 * SECONDS * ROWS / RUN_S / TEXTS, "the model is never idle"
    assert len(seen.refused_ms) >= 3 * seen.n_right
    assert statistics.median(seen.refused_ms) < 20
    settled = memory[len(memory) // 3 : len(memory) // 2]
    assert max(memory[-10:]) <= statistics.mean(settled) + 20
