"""``tritonclient`` and plain HTTP, as tests of the paths under ``/v2`` use them."""

from contextlib import contextmanager

import httpx
import numpy as np
from tritonclient.http import InferenceServerClient, InferInput

from sentire.service.settings import Settings
from sentire.web.settings import Limits, ServerSettings

SETTINGS = Settings(
    server=ServerSettings(access_log=False),
    limits=Limits(body_bytes=100_000, texts=8, text_characters=2000),
)


@contextmanager
def triton(url):
    client = InferenceServerClient(url.removeprefix("http://"), network_timeout=30)
    try:
        yield client
    finally:
        client.close()


def tensor(texts, *, binary=True, column=False):
    shape = [len(texts), 1] if column else [len(texts)]
    made = InferInput("text", shape, "BYTES")
    array = np.array([text.encode() for text in texts], dtype=np.object_).reshape(shape)
    return made.set_data_from_numpy(array, binary_data=binary)


def strings(array):
    return [value.decode() if isinstance(value, bytes) else value for value in array.ravel()]


def post(url, path="/v2/models/tiny/infer", **body):
    return httpx.post(url + path, json=body, timeout=30)


def one(**changes):
    return {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["good"], **changes}
