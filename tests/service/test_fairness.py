"""One key that floods the service, and one that asks now and then."""

import asyncio
import statistics

import pytest

from held import Paced, models_with
from lines import lines_to
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.web.keys import new_key
from sentire.web.settings import KeySettings, ServerSettings
from servers import running

RUN_S = 0.05
ROWS = 32
"""In one batch, since the texts have the same length."""
CONNECTIONS = 64


def settings_with(file, *names):
    made = {name: new_key(name) for name in names}
    file.write_text("".join(key.line() for _, key in made.values()))
    settings = Settings(server=ServerSettings(access_log=False), keys=KeySettings(file=str(file)))
    return settings, {name: presented for name, (presented, _) in made.items()}


async def contend(url, keys, *, n_calm):
    """Flood over 64 connections with one key, and ask ``n_calm`` times with the other."""
    full, done = asyncio.Event(), asyncio.Event()

    async def ask(line, name, texts):
        answer = await line.post("/predict", {"texts": texts}, X_API_Key=keys[name])
        if answer.status == 200:
            assert [p["text"] for p in answer.body["predictions"]] == texts
        return answer

    async def flood(line, number):
        answers = []
        while not done.is_set():
            texts = [f"{number:05} {len(answers):05} {place:05}" for place in range(ROWS)]
            answers.append(await ask(line, "flood", texts))
            if answers[-1].status == 429:
                full.set()
                await asyncio.sleep(RUN_S)
        return answers

    async with lines_to(url, CONNECTIONS + 1) as (line, *lines):
        alone = [await ask(line, "calm", [f"alone {n}"]) for n in range(n_calm)]
        flooding = [asyncio.create_task(flood(line, n)) for n, line in enumerate(lines)]
        await full.wait()
        calm = [await ask(line, "calm", [f"calm {n}"]) for n in range(n_calm)]
        done.set()
        flooded = await asyncio.gather(*flooding)
    return alone, calm, [answer for answers in flooded for answer in answers]


@pytest.mark.slow
def test_a_key_that_floods_starves_no_other(tiny_bundle, tmp_path):
    settings, keys = settings_with(tmp_path / "keys.txt", "flood", "calm")
    with (
        models_with(Paced(RUN_S), tiny_bundle, max_waiting=16 * ROWS) as models,
        running(create_app(models, settings)) as url,
    ):
        alone, calm, flooded = asyncio.run(contend(url, keys, n_calm=30))
    assert {answer.status for answer in flooded} == {200, 429}, "its queue was full"
    assert {answer.status for answer in (*alone, *calm)} == {200}, "and the other had room"
    flood_ms = statistics.median(a.ms("queue") for a in flooded if a.status == 200)
    calm_ms = statistics.median(answer.ms("queue") for answer in calm)
    alone_ms = statistics.median(answer.ms("queue") for answer in alone)
    # It waits for what runs already and at most one batch more; the flood for all of its own.
    assert calm_ms <= alone_ms + 2.5 * 1000 * RUN_S
    assert flood_ms >= 4 * calm_ms
