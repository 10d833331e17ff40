import asyncio
import itertools

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sentire
from sentire.bundle.manifest import Golden
from sentire.bundle.store import write_bundle
from sentire.errors import EmptyText, SelfTestFailed, TextTooLong, UnsupportedRequest
from sentire.types import Prediction, PredictOptions, Unscored
from tiny import make_bundle

ANY_TEXT = st.text(max_size=60) | st.none() | st.integers() | st.just("\ud800 broken")


def test_a_prediction_has_the_contract_s_keys_in_the_contract_s_order(tiny_analyzer):
    prediction = tiny_analyzer.analyze("房间很大，但是服务太差了。", sentences=True, emotion=True)
    record = msgspec.to_builtins(prediction)
    assert list(record) == [
        "text", "label", "score", "probabilities", "mixed", "language", "coverage", "warnings",
        "model", "emotion", "sentences",
    ]  # fmt: skip
    assert [(s["start"], s["end"]) for s in record["sentences"]] == [(0, 5), (5, 13)]


def test_what_was_not_asked_for_is_not_there(tiny_analyzer):
    record = msgspec.to_builtins(tiny_analyzer.analyze("I love this"))
    assert "sentences" not in record
    assert "emotion" not in record
    assert record["mixed"] is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(ANY_TEXT, max_size=12), st.booleans())
def test_n_in_n_out_in_order_whatever_comes(tiny_analyzer, texts, sentences):
    answers = list(tiny_analyzer.analyze_many(texts, sentences=sentences))
    assert len(answers) == len(texts)
    for text, answer in zip(texts, answers, strict=True):
        assert answer.text == (text.replace("\ud800", "\ufffd") if isinstance(text, str) else "")
        assert msgspec.json.encode(answer)
        assert isinstance(answer, Prediction if answer.error is None else Unscored)


def test_an_answer_does_not_depend_on_its_neighbours(tiny_analyzer):
    texts = [f"text {n} " + "好坏" * (n % 45) for n in range(400)]
    alone = [tiny_analyzer.analyze(text) for text in texts]
    assert list(tiny_analyzer.analyze_many(texts)) == alone


def test_a_stream_is_read_no_further_than_a_few_blocks(tiny_analyzer):
    read = 0

    def source():
        nonlocal read
        for read in itertools.count():  # noqa: B007 - the count is the point
            yield "I love this"

    answers = tiny_analyzer.analyze_many(source())
    for _ in range(10):
        next(answers)
    assert read < 1500
    answers.close()


def test_a_long_text_is_read_whole_in_windows(tiny_analyzer):
    coverage = tiny_analyzer.analyze("好坏" * 100).coverage
    assert coverage.read == coverage.tokens >= 200
    assert coverage.windows > 1
    assert not coverage.truncated


def test_a_long_text_is_cut_only_where_asked_and_says_so(tiny_analyzer):
    prediction = tiny_analyzer.analyze("好坏" * 100, on_long="truncate")
    assert prediction.coverage.truncated
    assert prediction.coverage.read < prediction.coverage.tokens
    assert "truncated" in {warning.code for warning in prediction.warnings}


def test_a_long_text_is_refused_where_asked(tiny_analyzer):
    with pytest.raises(TextTooLong, match="reads 30 at once"):
        tiny_analyzer.analyze("好坏" * 100, on_long="error")


@pytest.mark.parametrize("text", ["", "  \n ", "\u200b"], ids=["empty", "blank", "invisible"])
def test_an_empty_text_is_refused_alone_and_keeps_its_place_among_others(tiny_analyzer, text):
    with pytest.raises(EmptyText):
        tiny_analyzer.analyze(text)
    answers = list(tiny_analyzer.analyze_many(["I love this", text, "太差了"]))
    assert [type(answer) for answer in answers] == [Prediction, Unscored, Prediction]
    assert answers[1].error.code == "empty_text"


def test_an_output_the_model_does_not_have_is_refused_before_any_text_is_read(tmp_path):
    make_bundle(tmp_path / "plain", emotion=False)
    with sentire.load(tmp_path / "plain") as analyzer:
        with pytest.raises(UnsupportedRequest, match="has no emotion output"):
            analyzer.analyze("I love this", emotion=True)
        with pytest.raises(UnsupportedRequest):
            analyzer.analyze_many(["I love this"], emotion=True)
        with pytest.raises(UnsupportedRequest, match="has no topics output; it has polarity"):
            asyncio.run(analyzer.predict(["I love this"], PredictOptions(heads=("topics",))))


def test_a_bundle_whose_golden_answers_differ_is_refused(tmp_path):
    bundle = make_bundle(tmp_path / "wrong")
    wrong = Golden(text="I love this", probabilities={"negative": 0.0, "positive": 1.0})
    write_bundle(bundle.path, msgspec.structs.replace(bundle.manifest, golden=(wrong,)))
    with pytest.raises(SelfTestFailed, match="golden sentence 0"):
        sentire.load(bundle.path)


def test_many_requests_at_once_each_get_their_own_answer(tiny_analyzer):
    texts = [f"request number {n}" for n in range(300)]

    async def main():
        return await asyncio.gather(*(tiny_analyzer.analyze_async([text]) for text in texts))

    answers = asyncio.run(main())
    assert [answer.text for [answer] in answers] == texts
    assert [answer for [answer] in answers] == list(tiny_analyzer.analyze_many(texts))


def test_a_closed_analyzer_is_not_ready(tiny_bundle):
    analyzer = sentire.load(tiny_bundle)
    assert analyzer.ready
    analyzer.close()
    assert not analyzer.ready
