import asyncio
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentire.errors import BackendError, Closed, Overloaded
from sentire.inference.cache import AnswerCache, Counts, Scope
from sentire.inference.lru import LruCache
from sentire.serving.version import Version
from sentire.types import (
    Coverage,
    Language,
    ModelInfo,
    Prediction,
    PredictOptions,
    RowError,
    Unscored,
)

INFO = ModelInfo("tiny", "1.0.0", "sha256:aa")
PLAIN = PredictOptions()


def scope(info=INFO, *, fingerprint="sha256:bb", engine="fake", options=PLAIN):
    return Scope(info, fingerprint=fingerprint, engine=engine, options=options)


def answer(text):
    if not isinstance(text, str) or not text:
        return Unscored(text="", error=RowError("empty_text", "it is empty"))
    return Prediction(
        text=text,
        label="positive",
        score=0.5,
        probabilities={"positive": 0.5},
        mixed=None,
        language=Language("en", 1.0, supported=True),
        coverage=Coverage(len(text), len(text), 1, truncated=False),
        warnings=[],
        model=INFO,
    )


class Model:
    """Answers, counts what it was asked, and waits for ``gate`` where there is one."""

    info, engine = INFO, "fake"
    manifest = SimpleNamespace(fingerprint="sha256:bb")

    def __init__(self, *, gate=None, error=None):
        self.asked, self.gate, self.error = [], gate, error

    def observe(self, _):
        pass

    async def predict(self, texts, _):
        self.asked.append(list(texts))
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return [answer(text) for text in texts]


async def ask(cache, texts, model):
    """Answer the texts of a request, as a version does that is served."""
    return await Version(model, cache).predict(texts, PLAIN)


def new_cache():
    return AnswerCache(max_bytes=100_000)


async def until(condition):
    while not condition():
        await asyncio.sleep(0)


@given(st.lists(st.sampled_from(["a", "b", "", "c", None, 5, "\ud800"]), max_size=12))
def test_n_in_n_out_in_order_and_each_distinct_text_is_computed_once(texts):
    async def main():
        cache, model = new_cache(), Model()
        for _ in range(2):
            assert await ask(cache, texts, model) == [answer(text) for text in texts]
        return [text for asked in model.asked for text in asked if text in {"a", "b", "c"}]

    computed = asyncio.run(main())
    assert sorted(computed) == sorted({"a", "b", "c"} & {t for t in texts if isinstance(t, str)})


def test_a_text_that_can_not_be_scored_is_not_kept():
    async def main():
        cache, model = new_cache(), Model()
        for _ in range(3):
            await ask(cache, ["", "a"], model)
        return model.asked, cache.counts

    asked, counts = asyncio.run(main())
    assert asked == [["", "a"], [""], [""]]
    assert counts == Counts(memory=2, shared=0, joined=0, missed=4)


def test_equal_texts_in_flight_are_computed_once():
    async def main():
        gate = asyncio.Event()
        cache, model = new_cache(), Model(gate=gate)
        asks = [asyncio.create_task(ask(cache, ["a", "b"], model)) for _ in range(9)]
        asks.append(asyncio.create_task(ask(cache, ["b", "c", "a"], model)))
        await until(lambda: len(model.asked) == 2)
        gate.set()
        answers = await asyncio.gather(*asks)
        assert answers[:9] == [[answer("a"), answer("b")]] * 9
        assert answers[9] == [answer("b"), answer("c"), answer("a")]
        return model.asked

    assert asyncio.run(main()) == [["a", "b"], ["c"]]


def test_requests_that_wait_for_each_other_s_texts_both_end():
    async def main():
        gate = asyncio.Event()
        cache, model = new_cache(), Model(gate=gate)
        first = asyncio.create_task(ask(cache, ["a", "b"], model))
        await until(lambda: model.asked)
        second = asyncio.create_task(ask(cache, ["c", "b"], model))
        await until(lambda: len(model.asked) == 2)
        third = asyncio.create_task(ask(cache, ["c", "a"], model))
        gate.set()
        return await asyncio.wait_for(asyncio.gather(first, second, third), 10)

    assert len(asyncio.run(main())) == 3


def test_one_who_waits_and_leaves_harms_nobody():
    async def main():
        gate = asyncio.Event()
        cache, model = new_cache(), Model(gate=gate)
        first = asyncio.create_task(ask(cache, ["a"], model))
        await until(lambda: model.asked)
        leaver, stayer = (asyncio.create_task(ask(cache, ["a"], model)) for _ in range(2))
        await asyncio.sleep(0)  # lets them come as far as waiting
        leaver.cancel()
        await asyncio.wait([leaver])
        gate.set()
        assert await asyncio.gather(first, stayer) == [[answer("a")]] * 2
        return model.asked

    assert asyncio.run(main()) == [["a"]]


@pytest.mark.parametrize(
    "error",
    [Overloaded(9, 8), TimeoutError(), BackendError("no"), Closed("it was"), MemoryError()],
    ids=lambda e: type(e).__name__,
)
def test_where_the_one_who_computes_fails_the_others_compute_themselves(error):
    async def main():
        gate = asyncio.Event()
        cache, refused, healthy = new_cache(), Model(gate=gate, error=error), Model()
        first = asyncio.create_task(ask(cache, ["a", "b"], refused))
        await until(lambda: refused.asked)
        others = [asyncio.create_task(ask(cache, ["a"], healthy)) for _ in range(3)]
        await asyncio.sleep(0)  # lets them come as far as waiting
        gate.set()
        assert await asyncio.gather(*others) == [[answer("a")]] * 3
        with pytest.raises(type(error)):
            await first
        return healthy.asked

    assert asyncio.run(main()) == [["a"]]


def test_where_the_one_who_computes_is_cancelled_one_other_takes_over():
    async def main():
        gate = asyncio.Event()
        cache, model = new_cache(), Model(gate=gate)
        first = asyncio.create_task(ask(cache, ["a"], model))
        await until(lambda: model.asked)
        others = [asyncio.create_task(ask(cache, ["a"], model)) for _ in range(3)]
        await asyncio.sleep(0)  # lets them come as far as waiting
        first.cancel()
        await until(lambda: len(model.asked) == 2)
        gate.set()
        assert await asyncio.gather(*others) == [[answer("a")]] * 3
        assert first.cancelled()
        return model.asked

    assert asyncio.run(main()) == [["a"], ["a"]]


def test_a_failure_before_anything_is_computed_leaves_nobody_waiting():
    async def main():
        cache, model = new_cache(), Model()
        await ask(cache, ["b"], model)
        cache._memory.put(scope().key("b"), b"no answer")
        with pytest.raises(ValueError, match="JSON"):
            await ask(cache, ["a", "b"], model)
        return await asyncio.wait_for(ask(cache, ["a"], model), 10)

    assert asyncio.run(main()) == [answer("a")]


def test_a_failure_of_the_model_fails_all_who_wait_and_is_not_kept():
    async def main():
        gate = asyncio.Event()
        cache, model = new_cache(), Model(gate=gate, error=BackendError("no"))
        first = asyncio.create_task(ask(cache, ["a"], model))
        await until(lambda: model.asked)
        second = asyncio.create_task(ask(cache, ["a"], model))
        await asyncio.sleep(0)  # lets them come as far as waiting
        gate.set()
        failures = await asyncio.gather(first, second, return_exceptions=True)
        assert [type(failure) for failure in failures] == [BackendError, BackendError]
        assert await ask(cache, ["a"], Model()) == [answer("a")]

    asyncio.run(main())


class Shared:
    """A store that knows some answers."""

    def __init__(self, **values):
        self.values = {scope().key(text): value for text, value in values.items()}

    async def get_many(self, keys):
        return [self.values.get(key) for key in keys]

    def put_many(self, items):
        self.values.update(items)


def test_what_the_store_knows_is_told_to_others_before_the_rest_is_computed():
    async def main():
        known = msgspec.json.encode(answer("a"))
        cache = AnswerCache(max_bytes=0, store=Shared(a=known, c=b"no answer"))
        gate = asyncio.Event()
        model = Model(gate=gate)
        first = asyncio.create_task(ask(cache, ["a", "b", "c"], model))
        await asyncio.sleep(0)  # lets it come as far as claiming
        joining = ask(cache, ["a"], model)
        assert await asyncio.wait_for(joining, 10) == [answer("a")]
        gate.set()
        assert await first == [answer("a"), answer("b"), answer("c")]
        return model.asked

    assert asyncio.run(main()) == [["b", "c"]]


def test_whatever_can_change_an_answer_changes_the_key():
    scopes = [
        scope(),
        scope(ModelInfo("tiny", "1.0.0", "sha256:cc")),
        scope(fingerprint="sha256:dd"),
        scope(engine="openvino"),
        scope(options=PredictOptions(sentences=True)),
        scope(options=PredictOptions(heads=("emotion",))),
        scope(options=PredictOptions(on_long="truncate")),
    ]
    keys = {each.key(text) for each in scopes for text in ("a", "b", "a ")}
    assert len(keys) == 3 * len(scopes)
    assert scope().key("a") == scope().key("a")


def test_no_text_is_kept():
    async def main():
        cache = new_cache()
        await ask(cache, ["my secret text"], Model())
        return cache

    cache = asyncio.run(main())
    [(key, value)] = cache._memory._values.items()
    assert b"secret" not in key + value


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 400)), max_size=60))
def test_memory_stays_within_its_bytes_and_keeps_what_was_wanted_last(steps):
    lru = LruCache(2000)
    for number, size in steps:
        key = bytes([number])
        lru.put(key, b"x" * size)
        assert lru.n_bytes <= 2000
        assert lru.get(key) == b"x" * size
    assert lru.n_bytes == sum(len(value) + 250 for value in lru._values.values())


def test_the_one_not_wanted_for_longest_goes_first():
    lru = LruCache(1000)
    for key in (b"a", b"b", b"c"):
        lru.put(key, b"")
    assert lru.get(b"a") is not None
    lru.put(b"d", b"x" * 100)
    assert (lru.get(b"a"), lru.get(b"b")) == (b"", None)
    lru.put(b"e", b"x" * 5000)
    assert len(lru) == 0
    assert lru.n_bytes == 0
