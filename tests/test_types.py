import msgspec
import pytest

import sentire
from sentire.types import RowError, Unscored

TEXT = "房间很大，但是服务太差了。"


@pytest.mark.parametrize("asked", [{}, {"sentences": True, "emotion": True}], ids=["plain", "all"])
def test_a_record_as_a_dictionary_is_the_record_in_json(tiny_analyzer, asked):
    prediction = tiny_analyzer.analyze(TEXT, **asked)
    records = [prediction, prediction.language, prediction.coverage, prediction.model]
    if asked:
        records += [prediction.emotion, *prediction.sentences]
    records += [*tiny_analyzer.analyze("Bonjour à tous").warnings]
    records += [
        Unscored(text="", error=RowError("empty_text", "there is nothing")),
        RowError("a", "b"),
    ]
    for record in records:
        assert record.to_dict() == msgspec.json.decode(msgspec.json.encode(record))


def test_a_prediction_shows_what_was_found_and_the_beginning_of_its_text(tiny_analyzer):
    prediction = tiny_analyzer.analyze("很好用")
    assert repr(prediction) == (
        f"Prediction(label={prediction.label!r}, score={round(prediction.score, 3)}, "
        f"warnings={[warning.code for warning in prediction.warnings]}, text='很好用')"
    ).replace("warnings=[], ", "")
    long = repr(tiny_analyzer.analyze("很好用。" * 1000))
    assert len(long) < 250
    assert "…" in long


def test_a_prediction_shows_what_was_asked_for_and_what_to_know():
    with sentire.load() as analyzer:
        shown = repr(analyzer.analyze(TEXT, sentences=True, emotion=True))
        warned = repr(analyzer.analyze("Das ist leider sehr schlecht gemacht."))
    assert "label='negative', score=0.58" in shown
    assert "mixed=True, emotion='" in shown
    assert "warnings=['language_unsupported'" in warned


def test_an_unscored_text_shows_why(tiny_analyzer):
    [unscored] = tiny_analyzer.analyze_many([""])
    assert repr(unscored) == "Unscored(error='empty_text', text='')"
