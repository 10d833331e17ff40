import numpy as np
import pytest
from records import dataset, one_hot, scored

import sentire
from sentire.errors import UnsupportedRequest
from sentire.evaluation.scores import score
from sentire.types import Prediction, Unscored
from tiny import make_bundle


def test_probabilities_are_those_that_are_served_in_order(tiny_analyzer):
    texts = ["I love this", "\u200b", "太差了", "good"]
    data = dataset(one_hot([2, 0, 0, 2]), texts=texts)
    done = []
    found = score(tiny_analyzer, data, progress=lambda n, total: done.append((n, total)))
    assert done == [(1, 4), (2, 4), (3, 4), (4, 4)]
    served = tiny_analyzer.analyze("太差了")
    assert found.probabilities[2].tolist() == list(served.probabilities.values())
    assert [type(p) for p in found.predictions] == [Prediction, Unscored, Prediction, Prediction]
    assert found.probabilities[1].tolist() == [1 / 3] * 3
    assert found.languages[1:3] == ["und", "zh"]
    assert found.answered.tolist() == [True, False, True, True]


def test_emotion_comes_from_its_own_head(tiny_analyzer):
    data = dataset(np.eye(7)[[0, 3]], head="emotion", texts=["I love this", "太差了"])
    found = score(tiny_analyzer, data)
    served = tiny_analyzer.analyze("太差了", emotion=True).emotion
    assert found.probabilities[1].tolist() == list(served.probabilities.values())


def test_a_set_of_two_classes_asks_between_the_two():
    found = scored(one_hot([0, 2, 2]), [[0.3, 0.6, 0.1], [0.1, 0.7, 0.2], [0.0, 1.0, 0.0]])
    assert found.predicted.tolist()[:2] == [0, 2]
    assert found.allowed_probabilities[0] == pytest.approx([0.75, 0, 0.25])
    assert found.allowed_probabilities[2] == pytest.approx([0.5, 0, 0.5]), (
        "nothing is known of either"
    )


def test_a_head_that_the_model_lacks_is_refused_before_anything_runs(tmp_path):
    make_bundle(tmp_path / "plain", emotion=False)
    data = dataset(np.eye(7)[[0, 3]], head="emotion", name="moods")
    with (
        sentire.load(tmp_path / "plain") as analyzer,
        pytest.raises(UnsupportedRequest, match=r"moods is labelled for emotion.*tells: polarity"),
    ):
        score(analyzer, data, progress=lambda *_: pytest.fail("a text was scored"))
