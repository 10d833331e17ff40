"""``tritonclient`` and plain HTTP against the paths under ``/v2``."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from tritonclient.http import InferRequestedOutput
from tritonclient.utils import InferenceServerException

import sentire
from kserving import SETTINGS, one, post, strings, tensor, triton
from sentire.service.app import create_app
from sentire.serving.models import Models
from servers import running
from tiny import make_bundle

TEXTS = ["I love this", "太差了", "The train leaves at nine.", "还行吧"]


@pytest.fixture(scope="module")
def url(tiny_models):
    with running(create_app(tiny_models, SETTINGS)) as url:
        yield url


@pytest.fixture
def client(url):
    # gevent's connections belong to the thread that made them.
    with triton(url) as client:
        yield client


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
@pytest.mark.parametrize("column", [True, False], ids=["[n, 1]", "[n]"])
def test_texts_get_the_tensors_of_the_predictions_that_python_gives(
    client, tiny_analyzer, binary, column
):
    outputs = [
        InferRequestedOutput(name, binary_data=binary)
        for name in ("probabilities", "label", "score")
    ]
    result = client.infer(
        "tiny", [tensor(TEXTS, binary=binary, column=column)], outputs=outputs, request_id="42"
    )
    expected = [tiny_analyzer.analyze(text) for text in TEXTS]
    assert strings(result.as_numpy("label")) == [p.label for p in expected]
    assert result.as_numpy("label").shape == ((4, 1) if column else (4,))
    assert result.as_numpy("score").dtype == np.float32
    assert result.as_numpy("score").ravel() == pytest.approx([p.score for p in expected])
    rows = [list(p.probabilities.values()) for p in expected]
    assert result.as_numpy("probabilities").tolist() == [pytest.approx(row) for row in rows]
    head = result.get_response()
    assert (head["id"], head["model_name"], head["model_version"]) == ("42", "tiny", "0.0.1")
    assert [output["name"] for output in head["outputs"]] == ["probabilities", "label", "score"]


def test_without_a_choice_label_score_and_probabilities_come_binary_as_the_client_asks(client):
    result = client.infer("tiny", [tensor(TEXTS)])
    outputs = result.get_response()["outputs"]
    assert [output["name"] for output in outputs] == ["label", "score", "probabilities"]
    assert all("binary_data_size" in output["parameters"] for output in outputs)


def test_emotion_warnings_and_the_whole_record_come_where_asked(client, tiny_analyzer):
    names = ["emotion", "emotion_probabilities", "warnings", "prediction"]
    result = client.infer(
        "tiny",
        [tensor(["I love this, but 太差了。"])],
        outputs=[InferRequestedOutput(name) for name in names],
        parameters={"sentences": True},
    )
    expected = tiny_analyzer.analyze("I love this, but 太差了。", sentences=True, emotion=True)
    assert strings(result.as_numpy("emotion")) == [expected.emotion.label]
    assert result.as_numpy("emotion_probabilities").shape == (1, 7)
    codes = ",".join(warning.code for warning in expected.warnings)
    assert strings(result.as_numpy("warnings")) == [codes]
    record = json.loads(result.as_numpy("prediction")[0])
    assert len(record["sentences"]) == len(expected.sentences)
    assert record["model"]["digest"] == expected.model.digest


def test_classification_gives_the_most_probable_labels(client, tiny_analyzer):
    outputs = [InferRequestedOutput("probabilities", class_count=2)]
    result = client.infer("tiny", [tensor(TEXTS)], outputs=outputs)
    classes = result.as_numpy("probabilities")
    assert classes.shape == (4, 2)
    for text, row in zip(TEXTS, classes, strict=True):
        value, index, label = row[0].decode().split(":")
        expected = tiny_analyzer.analyze(text)
        assert label == expected.label == ("negative", "neutral", "positive")[int(index)]
        assert float(value) == pytest.approx(expected.score, abs=1e-6)


def test_no_texts_give_empty_tensors(client, url):
    result = client.infer("tiny", [tensor([])])
    assert result.as_numpy("probabilities").shape == (0, 3)
    answer = post(url, inputs=[one(shape=[0], data=[])])
    assert [output["data"] for output in answer.json()["outputs"]] == [[], [], []]


def test_each_of_many_requests_at_once_gets_its_own_answer(url, tiny_analyzer):
    texts = [f"text {n} " + "好坏" * (n % 20) for n in range(64)]
    share = 16

    def ask(mine):
        with triton(url) as client:
            return [client.infer("tiny", [tensor([text])], request_id=str(text)) for text in mine]

    with ThreadPoolExecutor(4) as threads:
        parts = threads.map(ask, [texts[i : i + share] for i in range(0, len(texts), share)])
        results = [result for part in parts for result in part]
    for text, result in zip(texts, results, strict=True):
        assert result.get_response()["id"] == text
        expected = list(tiny_analyzer.analyze(text).probabilities.values())
        assert result.as_numpy("probabilities")[0] == pytest.approx(expected)


def test_the_client_finds_out_what_is_served(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("tiny")
    assert client.is_model_ready("tiny", "0.0.1")
    assert not client.is_model_ready("other")
    assert not client.is_model_ready("tiny", "9.9.9")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    about = client.get_model_metadata("tiny")
    assert (about["name"], about["versions"]) == ("tiny", ["0.0.1"])
    assert about["inputs"] == [{"name": "text", "datatype": "BYTES", "shape": [-1]}]
    outputs = {output["name"]: output for output in about["outputs"]}
    assert outputs["probabilities"]["shape"] == [-1, 3]
    assert outputs["probabilities"]["parameters"]["labels"] == "negative,neutral,positive"
    assert outputs["emotion_probabilities"]["shape"] == [-1, 7]
    assert client.get_model_metadata("tiny", "0.0.1") == about


def test_a_model_without_emotion_does_not_promise_it(tmp_path):
    make_bundle(tmp_path / "plain", emotion=False)
    with (
        Models([str(tmp_path / "plain")], open_model=sentire.load) as models,
        running(create_app(models, SETTINGS)) as url,
    ):
        outputs = httpx.get(f"{url}/v2/models/tiny").json()["outputs"]
        answer = post(url, inputs=[one()], outputs=[{"name": "emotion"}])
    assert "emotion" not in [output["name"] for output in outputs]
    assert answer.status_code == 400
    assert "no emotion output" in answer.json()["error"]


def test_versions_stand_side_by_side(tmp_path, tiny_bundle):
    make_bundle(tmp_path / "new", version="0.0.2")
    with (
        Models([str(tiny_bundle), str(tmp_path / "new")], open_model=sentire.load) as models,
        running(create_app(models, SETTINGS)) as url,
        triton(url) as client,
    ):
        for version in ("0.0.1", "0.0.2"):
            head = client.infer("tiny", [tensor(["good"])], model_version=version).get_response()
            assert head["model_version"] == version
        assert client.get_model_metadata("tiny")["versions"] == ["0.0.1", "0.0.2"]
        with pytest.raises(InferenceServerException, match=r"no model 'tiny@9\.9\.9'"):
            client.infer("tiny", [tensor(["good"])], model_version="9.9.9")


def test_the_repository_lists_unloads_and_loads(tiny_bundle):
    with (
        Models([str(tiny_bundle), f"second={tiny_bundle}"], open_model=sentire.load) as models,
        running(create_app(models, SETTINGS)) as url,
        triton(url) as client,
    ):
        index = client.get_model_repository_index()
        assert [(m["name"], m["version"], m["state"]) for m in index] == [
            ("tiny", "0.0.1", "READY"),
            ("second", "0.0.1", "READY"),
        ]
        client.unload_model("second")
        assert not client.is_model_ready("second")
        assert client.is_server_ready()
        with pytest.raises(InferenceServerException, match="unloaded") as raised:
            client.infer("second", [tensor(["good"])])
        assert raised.value.status() == "503"
        index = {m["name"]: m for m in client.get_model_repository_index()}
        assert index["second"]["state"] == "UNAVAILABLE"
        assert "unloaded" in index["second"]["reason"]
        ready = httpx.post(f"{url}/v2/repository/index", json={"ready": True}).json()
        assert [m["name"] for m in ready] == ["tiny"]
        client.load_model("second")
        assert client.is_model_ready("second")
        assert client.infer("second", [tensor(["good"])]).get_response()["model_name"] == "second"


def test_a_new_version_that_can_not_be_trusted_leaves_the_old_and_says_why(tmp_path):
    make_bundle(tmp_path / "tiny")
    with (
        Models([str(tmp_path / "tiny")], open_model=sentire.load) as models,
        running(create_app(models, SETTINGS)) as url,
        triton(url) as client,
    ):
        with (tmp_path / "tiny" / "tokenizer.json").open("a", encoding="utf-8") as file:
            file.write(" ")
        manifest = tmp_path / "tiny" / "bundle.json"
        changed = manifest.read_text(encoding="utf-8").replace('"0.0.1"', '"0.0.2"')
        manifest.write_text(changed, encoding="utf-8")
        with pytest.raises(InferenceServerException, match=r"tokenizer\.json") as raised:
            client.load_model("tiny")
        assert raised.value.status() == "400"
        assert client.is_server_ready()
        head = client.infer("tiny", [tensor(["good"])]).get_response()
        assert head["model_version"] == "0.0.1"
        listed = httpx.get(f"{url}/v2/models").json()
        assert listed["models"] == ["tiny"]
        states = {entry["version"]: entry for entry in listed["versions"]}
        assert states["0.0.1"]["state"] == "READY"
        assert states["0.0.2"]["state"] == "UNAVAILABLE"
        assert "tokenizer.json" in states["0.0.2"]["reason"]


def test_what_the_repository_does_not_do_is_said(client, url):
    with pytest.raises(InferenceServerException, match="'config' is not taken"):
        client.load_model("tiny", config="{}")
    with pytest.raises(InferenceServerException, match="no model 'other'") as raised:
        client.load_model("other")
    assert raised.value.status() == "404"
    answer = httpx.post(f"{url}/v2/repository/index", json={"readiness": True})
    assert answer.status_code == 400
    assert "readiness" in answer.json()["error"]


@pytest.mark.parametrize("path", ["load", "unload"])
def test_a_page_of_another_site_changes_nothing(url, path):
    where = f"{url}/v2/repository/models/tiny/{path}"
    answer = httpx.post(where, headers={"Origin": "https://elsewhere.example"})
    assert answer.status_code == 403
    assert "elsewhere.example" in answer.json()["error"]
    assert httpx.get(f"{url}/v2/models/tiny/ready").status_code == 200
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert httpx.post(where, content=b"{}", headers=form).status_code == 400
