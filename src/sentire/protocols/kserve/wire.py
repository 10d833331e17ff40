"""The Open Inference Protocol (KServe v2) but for its tensors: what is served, and what failed.

Reads:   models and their states, refusals
Gives:   the documents that KServe's and Triton's clients read
Never:   shows a model as ready that would not answer
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from sentire.protocols.kserve.infer import INPUT, InferRequest
from sentire.protocols.kserve.outputs import OUTPUTS
from sentire.web.json_body import read_json
from sentire.web.problems import ProblemError

EXTENSIONS = ("binary_tensor_data", "classification", "model_repository")
_STATES = {"ready": "READY", "loading": "LOADING"}
"""In Triton's words; what is neither is ``UNAVAILABLE``."""


class VersionState(Protocol):
    """What is known of a version of a model."""

    @property
    def name(self) -> str:
        """The name it is served under."""

    @property
    def version(self) -> str:
        """Empty where it could not be read."""

    @property
    def digest(self) -> str:
        """Empty where it could not be read."""

    @property
    def state(self) -> str:
        """``ready``, ``loading``, ``failed`` or ``closed``."""

    @property
    def reason(self) -> str:
        """Why it is not ready."""


class KServeError(msgspec.Struct, frozen=True):
    """Why a request was not answered."""

    error: str


class IndexRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the repository index should list."""

    ready: bool = False
    """Only what would answer."""


class LoadRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Parameters of a load or unload request."""

    parameters: dict[str, Any] = {}


_INDEX = msgspec.json.Decoder(IndexRequest)
_LOAD = msgspec.json.Decoder(LoadRequest)


def server(version: str) -> bytes:
    """Describe the server."""
    return msgspec.json.encode({"name": "sentire", "version": version, "extensions": EXTENSIONS})


def model(
    name: str, versions: Sequence[str], *, backend: str, labels: Mapping[str, Sequence[str]]
) -> bytes:
    """Describe a model: its versions, its one input, and the outputs it can give.

    Parameters
    ----------
    name : str
        The name it is served under.
    versions : those that can be asked for
    backend : str
        What the graph is written in.
    labels : the labels of each of its heads, in the order of the columns
    """
    outputs = []
    for output, known in OUTPUTS.items():
        if known.head not in labels:
            continue
        tensor: dict[str, Any] = {"name": output, "datatype": known.datatype, "shape": [-1]}
        if known.has_columns:
            names = labels[known.head]
            tensor["shape"] = [-1, len(names)]
            tensor["parameters"] = {"labels": ",".join(names)}
        outputs.append(tensor)
    return msgspec.json.encode(
        {
            "name": name,
            "versions": versions,
            "platform": f"sentire_{backend}",
            "inputs": [{"name": INPUT, "datatype": "BYTES", "shape": [-1]}],
            "outputs": outputs,
        }
    )


def ready(name: str) -> bytes:
    """Say that a model would answer."""
    return msgspec.json.encode({"name": name, "ready": True})


def loaded(name: str, *, is_loaded: bool) -> bytes:
    """Say that a model was loaded or unloaded, as KServe's own servers do."""
    return msgspec.json.encode({"name": name, "load" if is_loaded else "unload": True})


def index(states: Iterable[VersionState], *, only_ready: bool = False) -> bytes:
    """List versions of models with their states, as Triton's repository index does."""
    return msgspec.json.encode(
        [_entry(state) for state in states if not only_ready or state.state == "ready"]
    )


def _entry(state: VersionState) -> dict[str, str]:
    return {
        "name": state.name,
        "version": state.version,
        "state": _STATES.get(state.state, "UNAVAILABLE"),
        "reason": state.reason,
    }


def models(states: Sequence[VersionState]) -> bytes:
    """List the names that KServe's own servers list, and beside them every version's state."""
    names = list(dict.fromkeys(state.name for state in states))
    entries = [{**_entry(state), "digest": state.digest} for state in states]
    return msgspec.json.encode({"models": names, "versions": entries})


def decode_index(body: bytes) -> IndexRequest:
    """Read the body of an index request, which may be empty.

    Raises
    ------
    ProblemError
        It is no JSON, or JSON of another shape.
    """
    expected = 'Send nothing, or {"ready": true}.'
    return read_json(body, _INDEX, expected=expected) if body else IndexRequest()


def check_load(body: bytes) -> None:
    """Check the body of a load or unload request, which may be empty.

    Raises
    ------
    ProblemError
        It is no JSON, or would change what is loaded: a bundle is loaded as it is, or not at all.
    """
    expected = 'Send nothing, or {"parameters": {}}.'
    parameters = read_json(body, _LOAD, expected=expected).parameters if body else {}
    unknown = sorted(parameters.keys() - {"unload_dependents"})
    if unknown:
        raise ProblemError(
            400,
            "invalid_request",
            f"The parameter {unknown[0]!r} is not taken: a bundle is loaded as it is. {expected}",
        )


def encode_error(refused: ProblemError) -> tuple[int, bytes]:
    """Write a refusal, and say with which status: what the caller can mend is 400 here."""
    status = 400 if refused.status in {415, 422} else refused.status
    return status, msgspec.json.encode(KServeError(refused.detail))


def schemas() -> dict[str, Any]:
    """JSON Schemas of this wire, by the names that OpenAPI refers to them by."""
    _, named = msgspec.json.schema_components(
        [InferRequest, IndexRequest, LoadRequest, KServeError],
        ref_template="#/components/schemas/{name}",
    )
    named["InferRequest"]["examples"] = [
        {"inputs": [{"name": INPUT, "shape": [1], "datatype": "BYTES", "data": ["很好用"]}]}
    ]
    named["IndexRequest"]["examples"] = [{"ready": True}]
    named["LoadRequest"]["examples"] = [{}]
    return named
