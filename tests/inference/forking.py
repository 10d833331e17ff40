"""Load a model, fork as ``argv[2]`` says, and use the model in the child: a script for tests.

It is ended by a signal where it hangs, in the child or in waiting for it.
"""

import asyncio
import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable

import sentire
from sentire.errors import Closed

TEXTS = ["I love this", "太差了"] * 200
LIMIT_S = 60


async def together(analyzer: sentire.Analyzer, texts: list[str]) -> object:
    return await analyzer.analyze_async(texts)


def refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except Closed as error:
        return "after the fork" in str(error)
    return False


def child(analyzer: sentire.Analyzer, begun: object) -> dict[str, bool]:
    """Do everything there is to do with an analyzer, and say what was right."""
    signal.alarm(LIMIT_S)
    found = {
        "not ready": not analyzer.ready,
        "analyze": refused(lambda: analyzer.analyze("I love this")),
        "analyze_many": refused(lambda: list(analyzer.analyze_many(TEXTS))),
        "a stream that was begun": refused(lambda: list(begun)),
        "analyze_async": refused(lambda: asyncio.run(together(analyzer, TEXTS[:1]))),
        "many async": refused(lambda: asyncio.run(together(analyzer, TEXTS))),
        "embed_many": refused(lambda: list(analyzer.embed_many(TEXTS))),
        "warm": refused(analyzer.warm),
    }
    analyzer.close()
    return found


def in_pool() -> dict[str, bool]:
    return child(ANALYZER, BEGUN)


def load_there(path: str) -> bool:
    with sentire.load(path) as own:
        return own.ready and own.analyze("I love this").label in {"positive", "neutral", "negative"}


path, how = sys.argv[1:]
signal.alarm(LIMIT_S)
ANALYZER = sentire.load(path)
BEGUN = ANALYZER.analyze_many(TEXTS)
next(BEGUN)

if how == "pool":
    with multiprocessing.get_context("fork").Pool(1) as pool:
        results = pool.apply(in_pool)
        results["loaded there"] = pool.apply(load_there, (path,))
        pool.close()
        pool.join()
else:
    pid = os.fork()
    if pid == 0:
        right = all(child(ANALYZER, BEGUN).values())
        del ANALYZER, BEGUN
        gc.collect()
        sys.exit(0 if right else 3)  # with all that an interpreter does at its end
    results = {"child": os.waitpid(pid, 0)[1] == 0}

results["the parent goes on"] = len(list(BEGUN)) == len(TEXTS) - 1 and ANALYZER.ready
ANALYZER.close()
wrong = [name for name, right in results.items() if not right]
sys.exit(f"wrong: {', '.join(wrong)}" if wrong else 0)
