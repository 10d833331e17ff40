import numpy as np
import pytest

from sentire.bundle.manifest import Head
from sentire.errors import InputError
from sentire.inference.disagreement import SENTENCES, disagree
from sentire.inference.postprocess import combine, predict, probabilities
from sentire.labels import POLARITY
from sentire.types import Coverage, Document, Language, ModelInfo, PredictOptions, Segment, Window

HEADS = {
    "polarity": Head(
        output="logits", labels=POLARITY, temperature={"zh": 2.0, "*": 1.0}, low_confidence=0.6
    )
}
INFO = ModelInfo("tiny", "0.0.1", "sha256:0")


def document(
    *,
    n_windows=1,
    segments=(),
    contrast=False,
    code="en",
    confidence=0.9,
    unknown=0,
    read=10,
    weights=None,
):
    windows = tuple(
        Window(np.zeros(3, np.int32), weight) for weight in (weights or [10] * n_windows)
    )
    return Document(
        text="some text",
        language=Language(code, confidence, code in {"zh", "en"}),
        coverage=Coverage(tokens=10, read=read, windows=len(windows), truncated=read < 10),
        unknown=unknown,
        windows=windows,
        segments=tuple(
            Segment(a, b, windows[0], contrast and at > 0) for at, (a, b) in enumerate(segments)
        ),
    )


def scored(doc, *rows, **asked):
    logits = {"logits": np.array(rows, np.float32)}
    return predict(doc, logits, HEADS, INFO, PredictOptions(**asked))


def test_labels_of_a_multi_label_head_have_probabilities_of_their_own():
    logits = np.array([[0.0, 2.0, 2.0]], np.float32)
    own = probabilities(logits, temperature=2.0, kind="multi-label")
    assert own[0].tolist() == pytest.approx([0.5, 0.731059, 0.731059])
    assert probabilities(logits).sum() == pytest.approx(1)


def test_label_is_the_most_probable_and_score_its_probability():
    prediction = scored(document(), [0.0, 1.0, 3.0])
    assert prediction.label == "positive"
    assert (
        prediction.score
        == prediction.probabilities["positive"]
        == max(prediction.probabilities.values())
    )
    assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_temperature_follows_the_language_and_never_changes_the_label():
    english, chinese = (scored(document(code=code), [0.0, 1.0, 3.0]) for code in ("en", "zh"))
    assert english.label == chinese.label
    assert chinese.score < english.score


def test_windows_count_by_the_tokens_they_answer_for():
    logits = np.array([[4.0, 0.0, 0.0], [0.0, 0.0, 4.0]], np.float32)
    np.testing.assert_allclose(combine(logits, [30, 10]), [3.0, 0.0, 1.0])


@pytest.mark.parametrize(
    ("rows", "between_sentences", "in_a_contrast"),
    [
        pytest.param([[0, 0, 5], [5, 0, 0]], True, True, id="sure and opposite"),
        pytest.param([[5, 0, 0], [0, 0, 5]], True, True, id="the other way round"),
        pytest.param([[0, 0, 5], [1, 0, 0]], True, True, id="one of them unsure"),
        pytest.param([[0, 0, 1], [1, 0, 0]], False, True, id="both unsure"),
        pytest.param([[0, 0, 5], [0, 5, 0]], False, False, id="positive and neutral"),
        pytest.param([[0, 0, 5], [0, 0, 5]], False, False, id="agreeing"),
        pytest.param([[5, 0, 5], [0, 9, 0]], False, False, id="one that is torn by itself"),
    ],
)
def test_mixed_means_that_two_parts_disagree_and_a_contrast_needs_less(
    rows, between_sentences, in_a_contrast
):
    for contrast, mixed in ((False, between_sentences), (True, in_a_contrast)):
        doc = document(segments=[(0, 4), (5, 9)], contrast=contrast)
        prediction = scored(doc, [0, 0, 1], *rows, sentences=True)
        assert prediction.mixed is mixed
        assert [(s.start, s.end) for s in prediction.sentences] == [(0, 4), (5, 9)]


@pytest.mark.parametrize("seed", range(20))
def test_mixed_looks_at_every_pair(seed):
    shares = np.random.default_rng(seed).dirichlet([0.5, 0.5, 0.5], size=5).astype(np.float32)
    negative, positive = shares[:, 0], shares[:, 2]
    segments = document(segments=[(n, n + 1) for n in range(5)]).segments
    largest = max(positive[i] * negative[j] for i in range(5) for j in range(5) if i != j)
    assert disagree(segments, negative, positive) == (largest >= SENTENCES)


def test_one_sentence_is_the_whole_text():
    prediction = scored(document(), [0, 0, 1], sentences=True)
    assert [(s.start, s.end, s.label) for s in prediction.sentences] == [(0, 9, "positive")]
    assert prediction.mixed is False


def test_mixed_is_unknown_when_sentences_were_not_asked_for():
    assert scored(document(), [0, 0, 1]).mixed is None


@pytest.mark.parametrize(
    ("doc", "row", "code"),
    [
        pytest.param(document(code="fr"), [0, 0, 9], "language_unsupported", id="French"),
        pytest.param(document(confidence=0.2), [0, 0, 9], "language_uncertain", id="too short"),
        pytest.param(document(read=4), [0, 0, 9], "truncated", id="cut as asked"),
        pytest.param(document(unknown=3), [0, 0, 9], "unknown_tokens", id="three of ten unknown"),
        pytest.param(document(), [0, 0, 0], "low_confidence", id="undecided"),
    ],
)
def test_warnings(doc, row, code):
    assert [w.code for w in scored(doc, row).warnings] == [code]


def test_a_good_text_earns_no_warning():
    assert scored(document(), [0, 0, 9]).warnings == []


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_temperature_must_be_above_zero(temperature):
    with pytest.raises(InputError, match="must be above 0"):
        probabilities(np.zeros((1, 3), np.float32), temperature=temperature)


@pytest.mark.parametrize("logits", [np.zeros(3), np.full((1, 3), np.nan)], ids=["1-D", "NaN"])
def test_logits_must_be_two_dimensional_and_finite(logits):
    with pytest.raises(InputError, match="2-D and finite"):
        probabilities(logits.astype(np.float32))
