import json
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from py3langid.langid import MODEL_FILE, LanguageIdentifier

from sentire.text.ngrams import NgramClassifier

LEFT_OUT = {"zh", "ja", "ko", "la", "vo"}

TEXTS = [
    "ok",
    "LOVE IT",
    "I absolutely love it, it's fantastic!",
    "a superfluous sequel",
    "The room was clean, but the staff were rude. " * 12,
    "Ce film est magnifique, j'ai adoré",
    "Das Essen war leider kalt und der Kellner unfreundlich",
    "Очень хороший фильм, всем советую",
    "Ово је веома лепо, ovo je veoma lepo",
    "Bu juda yaxshi kino, бу жуда яхши кино",
    "الخدمة كانت سيئة للغاية",
    "อาหารอร่อยมาก",
    "房间太小，服务态度也很差",
    "e\u0301te\u0301 😂 \ud800 \x00",
    "?",
    "",
]


@pytest.fixture(scope="module")
def library():
    """The library itself, with the languages that the tables have."""
    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages([each for each in model.labels if len(each) == 2 and each not in LEFT_OUT])
    return model


@pytest.fixture(scope="module")
def classifier():
    return NgramClassifier()


def assert_same(ours, theirs):
    assert ours[0] == theirs[0]
    assert ours[1] == pytest.approx(theirs[1], abs=1e-6)


@pytest.mark.parametrize("text", TEXTS)
def test_answers_are_those_of_the_library(classifier, library, text):
    assert_same(classifier.classify(text), library.classify(text))


@settings(deadline=None, max_examples=300)
@given(st.text(st.characters()) | st.text("aeinorst ,.'AEN\u0301éüßñøčшиеа", min_size=8))
def test_answers_are_those_of_the_library_whatever_comes(classifier, library, text):
    assert_same(classifier.classify(text), library.classify(text))


@pytest.mark.parametrize("text", TEXTS)
def test_a_head_start_is_added_to_the_raw_score(library, text, monkeypatch):
    monkeypatch.setattr(
        library, "nb_pc", library.nb_pc + [12.0 * (each == "en") for each in library.nb_classes]
    )
    favouring = NgramClassifier({"en"}, head_start=12.0)
    assert_same(favouring.classify(text), library.classify(text))


def test_a_head_start_decides_only_what_is_unclear(classifier):
    favouring = NgramClassifier({"en"}, head_start=12.0)
    unclear, clear = "a superfluous sequel", "Das Essen war leider kalt"
    assert classifier.classify(unclear)[0] != "en" == favouring.classify(unclear)[0]
    assert classifier.classify(clear)[0] == favouring.classify(clear)[0] == "de"


CHILD = """
import json, time
import numpy, psutil
import sentire.types

process = psutil.Process()
memory, start = process.memory_info().rss, time.process_time()
from sentire.text.language import LanguageIdentifier

code = LanguageIdentifier(("zh", "en"))("Das Essen war leider kalt, aber der Wein gut").code
seconds = time.process_time() - start
print(json.dumps([code, seconds, (process.memory_info().rss - memory) / 1e6]))
"""


def test_the_first_answer_takes_little_time_and_memory():
    """Measured: 0.02 s and 11 MB; 0.36 s and 102 MB with the library in its place."""
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True)
    code, seconds, megabytes = json.loads(done.stdout)
    assert code == "de"
    assert seconds < 0.2
    assert megabytes < 45
