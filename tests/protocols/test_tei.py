"""What clients of Text Embeddings Inference send, against a server of ours."""

import asyncio
import math

import pytest
import requests
from hypothesis import given
from hypothesis import settings as drawing
from hypothesis import strategies as st

import sentire
from sentire.protocols.detection import dialect_of, has_inputs
from sentire.protocols.huggingface import wire as huggingface
from sentire.protocols.tei import wire as tei
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.serving.models import Models
from sentire.web.problems import ProblemError
from sentire.web.settings import Limits, ServerSettings
from servers import running

SETTINGS = Settings(
    server=ServerSettings(access_log=False),
    limits=Limits(body_bytes=100_000, texts=8, text_characters=2000),
)
PATHS = pytest.mark.parametrize("path", ["/predict", "/"])


@pytest.fixture(scope="module")
def url(tiny_models):
    with running(create_app(tiny_models, SETTINGS)) as url:
        yield url


@pytest.fixture(scope="module")
def session():
    with requests.Session() as session:
        yield session


def scores(prediction):
    """What TEI answers for a prediction."""
    ranked = sorted(prediction.probabilities.items(), key=lambda pair: -pair[1])
    return [{"score": score, "label": label} for label, score in ranked]


@PATHS
def test_a_text_gets_a_flat_list_and_a_batch_one_for_each(url, session, tiny_analyzer, path):
    texts = ["I love this", "太差了", "I love this"]
    expected = [scores(tiny_analyzer.analyze(text)) for text in texts]
    assert session.post(url + path, json={"inputs": texts[0]}).json() == expected[0]
    assert session.post(url + path, json={"inputs": [texts[0]]}).json() == expected[0]
    batch = session.post(url + path, json={"inputs": [[text] for text in texts]})
    assert batch.json() == expected
    assert list(batch.json()[0][0]) == ["score", "label"]
    single = session.post(url + path, json={"inputs": [[texts[0]]]})
    assert single.json() == expected[:1]


@PATHS
@pytest.mark.parametrize(
    "inputs",
    [
        pytest.param(["a", "b"], id="a pair"),
        pytest.param(["a", "b", "c"], id="what looks like a batch"),
        pytest.param([["a"], ["b", "c"]], id="a pair in a batch"),
    ],
)
def test_a_pair_is_refused_and_told_how_a_batch_looks(url, session, path, inputs):
    answer = session.post(url + path, json={"inputs": inputs})
    assert answer.status_code == 422
    assert answer.json()["error_type"] == "validation"
    assert '{"inputs": [["first text"], ["second text"]]}' in answer.json()["error"]


def test_raw_scores_give_the_same_probabilities_after_softmax(url, session, tiny_analyzer):
    answer = session.post(url + "/predict", json={"inputs": "I love this", "raw_scores": True})
    expected = tiny_analyzer.analyze("I love this").probabilities
    assert {
        row["label"]: pytest.approx(math.exp(row["score"]), abs=1e-6) for row in answer.json()
    } == expected


def test_a_long_text_is_read_whole_unless_it_is_to_be_cut(url, session, tiny_analyzer):
    long = "the good service " * 40

    def ask(**options):
        return session.post(url + "/predict", json={"inputs": long, **options})

    whole, same, cut = ask(), ask(truncate=False), ask(truncate=True, truncation_direction="Right")
    assert whole.json() == same.json() == scores(tiny_analyzer.analyze(long))
    assert cut.json() == scores(tiny_analyzer.analyze(long, on_long="truncate"))
    assert cut.headers["x-sentire-warnings"].split(",").count("truncated") == 1
    assert int(cut.headers["x-compute-tokens"]) < int(whole.headers["x-compute-tokens"])
    assert whole.headers["x-compute-characters"] == str(len(long))
    left = ask(truncate=True, truncation_direction="left")
    assert (left.status_code, left.json()["error_type"]) == (422, "validation")
    assert ask(truncation_direction="left").status_code == 200


def test_info_describes_the_model_and_its_labels(url, session, tiny_analyzer):
    info = session.get(url + "/info").json()
    assert info["model_id"] == "tiny"
    assert info["model_sha"] == tiny_analyzer.info.digest
    assert info["model_type"]["classifier"]["id2label"]["2"] == "positive"
    assert info["max_client_batch_size"] == SETTINGS.limits.texts
    assert info["max_input_length"] == tiny_analyzer.manifest.text.max_length
    assert info["auto_truncate"] is False
    assert session.get(url + "/health").status_code == 200


@PATHS
@pytest.mark.parametrize(
    ("inputs", "refusal", "said"),
    [
        pytest.param("", (400, "empty"), "empty", id="empty text"),
        pytest.param([], (400, "empty"), "empty list", id="empty list"),
        pytest.param([[]], (400, "empty"), "Row 0", id="empty row"),
        pytest.param(
            [["good"], [" "]], (400, "empty"), "Text 1 of the 2", id="empty text in a batch"
        ),
        pytest.param([["a"], "b"], (422, "validation"), "Row 1", id="a mixed batch"),
        pytest.param([["a"], [5]], (422, "validation"), "inputs[1][0]", id="a number in a batch"),
        pytest.param(5, (422, "validation"), "Expected", id="a number"),
        pytest.param(None, (422, "validation"), "Expected", id="null"),
        pytest.param([["a"]] * 9, (413, "validation"), "9 texts", id="too many"),
        pytest.param("x" * 2001, (413, "validation"), "2,001", id="too large a text"),
    ],
)
def test_what_can_not_be_answered_is_refused_in_this_shape(url, path, inputs, refusal, said):
    answer = requests.post(url + path, json={"inputs": inputs})
    assert (answer.status_code, answer.json()["error_type"]) == refusal
    assert said in answer.json()["error"]
    assert answer.json().keys() == {"error", "error_type"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b'{"inputs": "a"', 400, id="cut"),
        pytest.param(b'{"inputs": "\xff"}', 400, id="not UTF-8"),
        pytest.param(b'{"inputs": ' + b"[" * 40_000, 400, id="deep"),
        pytest.param(b'{"inputs": "a", "normalise": true}', 422, id="unknown field"),
    ],
)
@PATHS
def test_garbage_with_inputs_is_refused_in_this_shape(url, session, path, body, status):
    answer = session.post(url + path, data=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error_type"]) == (status, "validation")


def test_our_own_dialect_is_not_mistaken(url, session):
    for text in ("inputs", '"inputs"', '{"inputs": "a"}'):
        answer = session.post(url + "/predict", json={"text": text})
        assert answer.json()["text"] == text
    answer = session.post(url + "/predict", data=b"{", headers={"Content-Type": "application/json"})
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_unloaded_model_is_unhealthy(tiny_bundle, session):
    with (
        Models([str(tiny_bundle)], open_model=sentire.load) as models,
        running(create_app(models, SETTINGS)) as url,
    ):
        asyncio.run(models.unload("tiny"))
        answers = [
            session.post(url + "/predict", json={"inputs": "a"}),
            session.get(url + "/health"),
            session.get(url + "/info"),
        ]
    for answer in answers:
        assert (answer.status_code, answer.json()["error_type"]) == (503, "unhealthy")
        assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("refused", "status", "kind"),
    [
        pytest.param(ProblemError(429, "overloaded", "a"), 429, "overloaded", id="overloaded"),
        pytest.param(ProblemError(503, "timed_out", "a"), 503, "unhealthy", id="timed out"),
        pytest.param(
            ProblemError(500, "internal_error", "a"), 424, "backend", id="a fault of ours"
        ),
        pytest.param(ProblemError(422, "empty_text", "a"), 400, "empty", id="empty"),
        pytest.param(ProblemError(413, "too_many_texts", "a"), 413, "validation", id="too many"),
    ],
)
def test_every_refusal_has_the_status_and_type_of_this_dialect(refused, status, kind):
    found, body = tei.encode_error(refused)
    assert found == status
    assert f'"error_type":"{kind}"'.encode() in body


@given(
    st.binary(max_size=200)
    | st.text(alphabet='{}[]":,\\u d83inputsaremt1', max_size=60).map(str.encode)
)
@drawing(deadline=None)
def test_any_bytes_are_a_request_or_a_refusal(body):
    has_inputs(body)
    for read in (dialect_of, tei.decode, huggingface.decode):
        try:
            read(body)
        except ProblemError as refused:
            assert refused.status in {400, 422}  # noqa: PT017 - not raising is right, too
