"""What can't be answered under ``/v2`` is refused in KServe's shape; tensors that contradict."""

import json
import struct

import httpx
import pytest
from hypothesis import given
from hypothesis import settings as drawing
from hypothesis import strategies as st
from tritonclient.utils import InferenceServerException

from kserving import SETTINGS, one, post, tensor, triton
from sentire.protocols.kserve import infer
from sentire.service.app import create_app
from sentire.web.problems import ProblemError
from servers import running


@pytest.fixture(scope="module")
def url(tiny_models):
    with running(create_app(tiny_models, SETTINGS)) as url:
        yield url


@pytest.fixture
def client(url):
    # gevent's connections belong to the thread that made them.
    with triton(url) as client:
        yield client


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param({}, "inputs", id="no inputs"),
        pytest.param({"inputs": []}, "The inputs are none", id="empty inputs"),
        pytest.param({"inputs": [one(name="x")]}, "The inputs are 'x'", id="another input"),
        pytest.param({"inputs": [one(), one()]}, "'text', 'text'", id="two inputs"),
        pytest.param({"inputs": [one(datatype="FP32")]}, "It takes BYTES", id="data type"),
        pytest.param({"inputs": [one(shape=[2])]}, "shape [2] and 1 texts", id="fewer texts"),
        pytest.param({"inputs": [one(shape=[1, 2])]}, "shape [1, 2]", id="shape"),
        pytest.param({"inputs": [one(shape=[])]}, "shape []", id="no shape"),
        pytest.param({"inputs": [one(shape=[-1])]}, "shape [-1]", id="negative shape"),
        pytest.param({"inputs": [one(data=[5])]}, "Text 0 is no string", id="a number"),
        pytest.param({"inputs": [one(data=[[["a"]]])]}, "Text 0 is no string", id="too nested"),
        pytest.param(
            {"inputs": [one(parameters={"binary_data_size": 4})]}, "both", id="data twice"
        ),
        pytest.param(
            {"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES"}]},
            "neither",
            id="no data",
        ),
        pytest.param(
            {"inputs": [one()], "outputs": [{"name": "logits"}]}, "no output 'logits'", id="output"
        ),
        pytest.param(
            {"inputs": [one()], "outputs": [{"name": "label"}, {"name": "label"}]},
            "asked for twice",
            id="an output twice",
        ),
        pytest.param(
            {
                "inputs": [one()],
                "outputs": [{"name": "label", "parameters": {"classification": 1}}],
            },
            '"classification"',
            id="classes of a label",
        ),
        pytest.param(
            {"inputs": [one()], "parameters": {"on_long": "guess"}}, "guess", id="on_long"
        ),
        pytest.param(
            {"inputs": [one()], "outputs": [{"name": "label", "parameters": {"binary_data": 1}}]},
            "bool",
            id="a number for a flag",
        ),
        pytest.param({"inputs": [one()], "output": []}, "output", id="misspelt"),
        pytest.param({"inputs": [one(data=[""])]}, "the text is empty", id="empty text"),
    ],
)
def test_what_can_not_be_answered_is_a_400_in_this_shape(url, body, said):
    answer = post(url, **body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]
    assert answer.json().keys() == {"error"}


@pytest.mark.parametrize(
    ("tail", "length", "size", "said"),
    [
        pytest.param(b"\x04\0\0\0good", "{n}", 7, "binary_data_size", id="another size"),
        pytest.param(b"\x09\0\0\0good", "{n}", 8, "ends behind", id="a length behind the end"),
        pytest.param(b"\x04\0\0", "{n}", 3, "ends behind", id="half a length"),
        pytest.param(b"\x01\0\0\0\xff", "{n}", 5, "not UTF-8", id="not UTF-8"),
        pytest.param(b"\x04\0\0\0good", "99999", 8, "99999", id="header behind the end"),
        pytest.param(b"\x04\0\0\0good", "x", 8, "'x'", id="header is no number"),
        pytest.param(b"", "{n}", 0, "0 texts", id="no tensor"),
    ],
)
def test_a_binary_tensor_that_contradicts_itself_is_refused(url, tail, length, size, said):
    entry = {"name": "text", "shape": [1], "datatype": "BYTES"}
    head = json.dumps({"inputs": [{**entry, "parameters": {"binary_data_size": size}}]}).encode()
    answer = httpx.post(
        f"{url}/v2/models/tiny/infer",
        content=head + tail,
        headers={"Inference-Header-Content-Length": length.format(n=len(head))},
    )
    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_larger_than_allowed_is_a_413_in_this_shape(url):
    for data, said in (
        (["a"] * 9, "9 texts"),
        (["x" * 2001], "2,001 characters"),
        (["x" * 200_000], "100,000 bytes"),
    ):
        answer = post(url, inputs=[one(shape=[len(data)], data=data)])
        assert answer.status_code == 413
        assert said in answer.json()["error"]


def test_one_text_that_can_not_be_scored_is_named(client):
    with pytest.raises(InferenceServerException, match="Text 1 of the 3, counted from 0"):
        client.infer("tiny", [tensor(["good", " ", "bad"])])


def test_paths_and_methods_that_are_not_there_are_in_this_shape(url, client):
    with pytest.raises(InferenceServerException) as raised:
        client.get_inference_statistics("tiny")
    assert raised.value.status() == "404"
    assert "exception occurred in the client" not in raised.value.message()
    answer = httpx.get(f"{url}/v2/models/tiny/infer")
    assert answer.status_code == 405
    assert "POST" in answer.json()["error"]


def test_compressed_requests_are_refused_in_this_shape(client):
    with pytest.raises(InferenceServerException, match="uncompressed"):
        client.infer("tiny", [tensor(["good"])], request_compression_algorithm="gzip")
    result = client.infer("tiny", [tensor(["good"])], response_compression_algorithm="gzip")
    assert result.as_numpy("label").shape == (1,)


texts_of = st.lists(st.text(max_size=12), max_size=6)


@given(texts_of, st.booleans())
@drawing(deadline=None)
def test_texts_arrive_as_they_were_sent_in_either_form(texts, column):
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    shape = [len(texts), 1] if column else [len(texts)]
    entry = {"name": "text", "shape": shape, "datatype": "BYTES"}
    data = [[text] for text in texts] if column else texts
    assert (
        infer.decode(json.dumps({"inputs": [{**entry, "data": data}]}).encode(), None).texts
        == texts
    )
    tail = b"".join(struct.pack("<I", len(t.encode())) + t.encode() for t in texts)
    head = json.dumps(
        {"inputs": [{**entry, "parameters": {"binary_data_size": len(tail)}}]}
    ).encode()
    assert infer.decode(head + tail, str(len(head))).texts == texts


@given(st.binary(max_size=80), st.integers(0, 80))
@drawing(deadline=None)
def test_any_bytes_behind_the_json_are_texts_or_a_refusal(tail, n_texts):
    entry = {"name": "text", "shape": [n_texts], "datatype": "BYTES"}
    head = json.dumps(
        {"inputs": [{**entry, "parameters": {"binary_data_size": len(tail)}}]}
    ).encode()
    try:
        assert len(infer.decode(head + tail, str(len(head))).texts) == n_texts
    except ProblemError as refused:
        assert refused.status in {400, 422}  # noqa: PT017 - not raising is right, too
