"""What a client writes is what a server reads."""

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from sentire.client import wire
from sentire.protocols.native.wire import decode
from sentire.types import OnLong, PredictOptions

OPTIONS = st.builds(
    PredictOptions.of,
    sentences=st.booleans(),
    emotion=st.booleans(),
    on_long=st.sampled_from(get_args(OnLong)),
)
MODELS = st.sampled_from([None, "tiny", "tiny@1.0.0"])


@given(OPTIONS, MODELS)
def test_options_and_model_arrive_as_they_were_given(options, model):
    asked = decode(wire.encode(wire.chunk_of(["a"]), options, model=model))
    assert asked.all_texts == ["a"]
    assert asked.predict_options == options
    name, version = asked.name_and_version
    assert model == (f"{name}@{version}" if version else name)


def test_what_is_not_asked_for_is_not_sent():
    """Older servers refuse fields that they don't know."""
    assert wire.encode(wire.chunk_of(["a"]), PredictOptions(), model=None) == b'{"texts":["a"]}'
