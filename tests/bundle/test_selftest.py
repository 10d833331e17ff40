import shutil

import msgspec
import numpy as np
import pytest

import sentire
from sentire.bundle.builtin import find_bundle
from sentire.bundle.manifest import Embedding
from sentire.bundle.selftest import GOLDEN_TOLERANCE, check_golden, check_outputs
from sentire.bundle.store import read_bundle, write_bundle
from sentire.errors import BundleDamaged, SelfTestFailed


@pytest.fixture(scope="module")
def tiny(tiny_bundle):
    return read_bundle(tiny_bundle)


def replaced(bundle, **changes):
    return bundle._replace(manifest=msgspec.structs.replace(bundle.manifest, **changes))


def promised(bundle):
    return [dict(golden.probabilities) for golden in bundle.manifest.golden]


@pytest.mark.parametrize(
    ("stated", "difference", "holds"),
    [
        pytest.param(0.1, 0.04, True, id="what engines differ by"),
        pytest.param(0.1, 0.06, False, id="more, whatever the bundle states"),
        pytest.param(0.01, 0.02, False, id="more than a stricter bundle states"),
    ],
)
def test_a_golden_probability_may_differ_as_engines_do_and_no_more(tiny, stated, difference, holds):
    bundle, answers = replaced(tiny, golden_tolerance=stated), promised(tiny)
    answers[-1]["positive"] += difference
    if holds:
        check_golden(bundle, answers)
    else:
        with pytest.raises(SelfTestFailed, match=f"within {min(stated, GOLDEN_TOLERANCE):g}"):
            check_golden(bundle, answers)


def test_a_bundle_that_promises_nothing_is_refused(tiny):
    golden = tuple(msgspec.structs.replace(g, probabilities={}) for g in tiny.manifest.golden)
    with pytest.raises(SelfTestFailed, match="golden sentence 0 has no probabilities"):
        check_golden(replaced(tiny, golden=golden), promised(tiny))


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_both_engines_stay_well_within_it_on_the_packaged_model(engine):
    with sentire.load(engine=engine) as analyzer:
        for golden in analyzer.manifest.golden:
            answer = analyzer.analyze(golden.text).probabilities
            assert answer == pytest.approx(golden.probabilities, abs=0.7 * GOLDEN_TOLERANCE)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        pytest.param(
            {"logits": (1, 3)}, "head emotion reads the output 'emotion'", id="an output is missing"
        ),
        pytest.param(
            {"logits": (1, 2), "emotion": (1, 7)}, "reads 3 columns", id="too few columns"
        ),
        pytest.param({"logits": (3,), "emotion": (1, 7)}, r"shape \(3,\)", id="no rows"),
        pytest.param(
            {"logits": (1, 3), "emotion": (1, 7)}, "the embedding reads", id="no embedding"
        ),
        pytest.param(
            {"logits": (1, 3), "emotion": (1, 7), "vectors": (1, 9)},
            "reads 8 columns",
            id="another size of the embedding",
        ),
    ],
)
def test_outputs_that_are_not_what_the_manifest_says_are_refused(tiny, outputs, message):
    bundle = replaced(tiny, embedding=Embedding(output="vectors", dimensions=8))
    with pytest.raises(BundleDamaged, match=message):
        check_outputs(bundle, {name: np.zeros(shape) for name, shape in outputs.items()})


def test_a_head_that_the_graph_does_not_have_is_found_at_load(tmp_path):
    path = shutil.copytree(find_bundle(), tmp_path / "copy")
    manifest = read_bundle(path).manifest
    emotion = msgspec.structs.replace(manifest.heads["emotion"], output="feelings")
    heads = manifest.heads | {"emotion": emotion}
    write_bundle(path, msgspec.structs.replace(manifest, heads=heads))
    with pytest.raises(BundleDamaged, match="'feelings', which the model does not have"):
        sentire.load(path)
