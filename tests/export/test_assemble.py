"""The end of learning: a folder of FP32 becomes a bundle that can be served and trusted."""

import json
import shutil

import numpy as np
import onnx
import pytest

import sentire
from checkpoints import dev_sets, make_spoiled
from sentire.bundle.store import read_bundle
from sentire.errors import BundleDamaged, BundleError, OptionError, SourceError, UnsupportedRequest
from sentire.export.assemble import AssemblyOptions, assemble
from sentire.export.draft import Identity, bundle_name, draft
from sentire.export.folder import Naming, draft_of
from sentire.export.gate import GateLimits
from sentire.export.gated_quantization import MOST_CALIBRATION
from sentire.export.graph import is_quantized
from sentire.labels import EMOTIONS, POLARITY
from sentire.text.path import TextSettings
from sentire.types import Prediction

pytestmark = pytest.mark.filterwarnings("ignore")

TEXT = TextSettings(max_length=128)
IDENTITY = Identity(name="learned", version="1.2.3", description="Small.", licence="MIT")


def whole_draft():
    return draft(IDENTITY, TEXT, {"polarity": POLARITY, "emotion": EMOTIONS}, embedding=16)


def polarity_draft():
    return draft(IDENTITY, TEXT, {"polarity": POLARITY})


@pytest.fixture(scope="module")
def dev():
    return [*dev_sets(n_times=5), *dev_sets("emotion", n_times=5)]


@pytest.fixture(scope="module")
def assembled(folder, dev, tmp_path_factory):
    seen = []
    output = tmp_path_factory.mktemp("assembled") / "bundle"
    made = assemble(
        folder,
        whole_draft(),
        output,
        dev=[d._replace(metric="macro_recall") if d.name == "emotion-zh" else d for d in dev],
        progress=lambda stage, done, total: seen.append((stage, done, total)),
    )
    return made, seen


@pytest.fixture(scope="module")
def fp32(folder, dev, tmp_path_factory):
    """A bundle whose graph was left in FP32."""
    output = tmp_path_factory.mktemp("fp32") / "bundle"
    return assemble(
        folder, whole_draft(), output, dev=dev, options=AssemblyOptions(int8=False)
    ).bundle


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory):
    return make_spoiled(tmp_path_factory.mktemp("spoiled") / "fp32")


def test_the_bundle_loads_on_both_engines_and_serves_every_output(assembled):
    path = assembled[0].bundle.path
    assert is_quantized(onnx.load(path / "model.onnx"))
    for engine in ("openvino", "onnxruntime"):
        with sentire.load(path, engine=engine) as analyzer:
            found = analyzer.analyze("非常满意，下次还会再来！", emotion=True)
            assert (found.label, found.emotion.label) == ("positive", "joy")
            [vector] = analyzer.embed_many(["非常满意"])
            assert vector.shape == (16,)


def test_the_manifest_tells_everything_that_was_measured(assembled):
    manifest = assembled[0].bundle.manifest
    assert (manifest.name, manifest.version, manifest.licence) == ("learned", "1.2.3", "MIT")
    records = {record.data: record for record in manifest.evaluation}
    assert list(records) == ["polarity-zh", "polarity-en", "emotion-zh", "emotion-en"]
    assert records["emotion-zh"].metric == "macro_recall"
    assert records["polarity-en"].metric == "macro_f1"
    for record in records.values():
        assert record.low <= record.value <= record.high
        assert record.fp32_low <= record.fp32 <= record.fp32_high
        assert record.value > 0.9
    for head in manifest.heads.values():
        assert set(head.temperature) == {"zh", "en", "*"}
        assert set(head.calibration_error) == {"zh", "en"}
        assert 0.4 <= head.low_confidence <= 0.9
    quantized = manifest.quantization
    assert quantized.calibration_texts == 140
    assert quantized.int8_bytes < 0.5 * quantized.fp32_bytes
    assert (quantized.kept, quantized.engines < 0.05) == ((), True)
    assert set(quantized.shift) == {"zh", "en"}


def test_golden_answers_are_those_of_the_calibrated_model(assembled):
    bundle = assembled[0].bundle
    with sentire.load(bundle.path) as analyzer:
        for golden in bundle.manifest.golden:
            answer = analyzer.analyze(golden.text).probabilities
            assert answer == pytest.approx(golden.probabilities, abs=1e-4)


def test_the_card_holds_the_figures(assembled):
    card = (assembled[0].bundle.path / "README.md").read_text(encoding="utf-8")
    assert "| polarity-zh | polarity | dev | 160 |" in card
    assert "layers are INT8" in card
    assert "| embedding | 16 dimensions |" in card


def test_nothing_but_the_bundle_is_left(assembled):
    path = assembled[0].bundle.path
    assert [file.name for file in path.parent.iterdir()] == ["bundle"]
    assert {file.name for file in path.iterdir()} == {
        "README.md", "bundle.json", "config.json", "model.onnx", "tokenizer.json",
        "tokenizer_config.json",
    }  # fmt: skip


def test_progress_tells_each_stage_in_order(assembled):
    stages = list(dict.fromkeys(stage for stage, _, _ in assembled[1]))
    assert stages == ["measuring FP32", "quantizing", "measuring INT8", "proving"]
    done = [d for stage, d, _ in assembled[1] if stage == "measuring INT8"]
    assert done == sorted(done)
    assert done[-1] == 4 * 160 + 140


def test_without_labelled_texts_the_bundle_says_that_nobody_measured_it(folder, tmp_path):
    made = assemble(folder, whole_draft(), tmp_path / "bundle")
    manifest = made.bundle.manifest
    assert manifest.evaluation == ()
    assert all(head.temperature == {"*": 1.0} for head in manifest.heads.values())
    assert {(shift.head, shift.language) for shift in made.whole.shifts} == {
        (head, code) for head in ("polarity", "emotion") for code in ("zh", "en")
    }
    card = (tmp_path / "bundle/README.md").read_text(encoding="utf-8")
    assert "Nobody has measured this graph" in card
    assert "not calibrated" in card


@pytest.mark.slow
def test_layers_that_hurt_stay_in_fp32_and_are_named(spoiled, tmp_path):
    made = assemble(spoiled, polarity_draft(), tmp_path / "bundle")
    assert not made.whole.holds
    assert made.trial.verdict.holds
    kept = made.bundle.manifest.quantization.kept
    assert kept[0].name == "base.encoder.layer.0.attention.self"
    assert len(kept) <= 4, "of 17"
    assert all("layer.0.attention" in layer.name for layer in kept)
    card = (tmp_path / "bundle/README.md").read_text(encoding="utf-8")
    assert f"| {kept[0].name} |" in card


@pytest.mark.slow
def test_labelled_texts_that_lose_too_much_keep_layers_as_well(spoiled, tmp_path):
    """Gold is what the FP32 graph says, so that every point lost is INT8's."""
    plain = assemble(
        spoiled, polarity_draft(), tmp_path / "fp32", options=AssemblyOptions(int8=False)
    )
    sets = []
    with sentire.load(plain.bundle.path) as analyzer:
        for dataset in dev_sets():
            answers = analyzer.analyze_many(dataset.texts)
            predicted = [POLARITY.index(a.label) for a in answers if isinstance(a, Prediction)]
            sets.append(dataset._replace(gold=np.eye(3, dtype=np.float32)[predicted]))
    made = assemble(spoiled, polarity_draft(), tmp_path / "bundle", dev=sets)
    assert any("points on average" in line for line in made.whole.broken)
    assert made.trial.kept
    before, after = (
        max(loss.points for loss in v.losses) for v in (made.whole, made.trial.verdict)
    )
    assert before > 10 > after


def test_limits_that_can_t_hold_leave_nothing_behind(spoiled, tmp_path):
    limits = GateLimits(most_kept=0.06)
    with pytest.raises(BundleError, match=r"even with 1 of 17 layers.*Nothing was written"):
        assemble(
            spoiled, polarity_draft(), tmp_path / "bundle", options=AssemblyOptions(limits=limits)
        )
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_is_replaced_only_with_force(folder, assembled, tmp_path):
    output = shutil.copytree(assembled[0].bundle.path, tmp_path / "bundle")
    with pytest.raises(OptionError, match="--force"):
        assemble(folder, whole_draft(), output)
    options = AssemblyOptions(force=True, int8=False)
    assert assemble(folder, whole_draft(), output, options=options).bundle.path == output
    assert read_bundle(output).manifest.quantization is None


def test_many_calibration_texts_are_sampled(folder, tmp_path):
    texts = [f"房间很大 {number}" for number in range(1000)]
    made = assemble(folder, whole_draft(), tmp_path / "bundle", calibration=texts)
    assert 200 < made.bundle.manifest.quantization.calibration_texts <= MOST_CALIBRATION


def test_data_for_a_head_that_the_model_lacks_is_refused(spoiled, tmp_path):
    with pytest.raises(UnsupportedRequest, match="labelled for emotion"):
        assemble(spoiled, polarity_draft(), tmp_path / "bundle", dev=dev_sets("emotion"))
    assert list(tmp_path.iterdir()) == []


def test_data_of_one_label_is_refused(folder, tmp_path):
    [dataset, _] = dev_sets()
    with pytest.raises(SourceError, match="one label only"):
        assemble(folder, whole_draft(), tmp_path / "bundle", dev=[dataset.take([0, 1, 2])])


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "config.json"])
def test_a_folder_that_lacks_a_file_is_refused(folder, tmp_path, name):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / name).unlink()
    with pytest.raises(SourceError, match=f"has no {name}"):
        assemble(copy, whole_draft(), tmp_path / "bundle")
    with pytest.raises(SourceError, match=f"has no {name}"):
        draft_of(copy, Naming())


def test_what_is_int8_already_is_refused(assembled, tmp_path):
    with pytest.raises(SourceError, match="INT8 already"):
        assemble(assembled[0].bundle.path, whole_draft(), tmp_path / "bundle")


def test_an_fp32_bundle_is_quantized_with_its_temperatures(fp32, tmp_path):
    manifest = draft_of(fp32.path, Naming(version="2.0.0"))
    assert fp32.manifest.evaluation
    assert (manifest.version, manifest.evaluation) == ("2.0.0", ())
    made = assemble(fp32.path, manifest, tmp_path / "bundle").bundle.manifest
    assert made.heads == fp32.manifest.heads
    assert made.embedding == fp32.manifest.embedding
    assert made.quantization is not None
    card = (tmp_path / "bundle/README.md").read_text(encoding="utf-8")
    assert "Nobody has measured this graph" in card
    assert "not calibrated" not in card


def test_an_altered_bundle_is_refused(fp32, tmp_path):
    copy = shutil.copytree(fp32.path, tmp_path / "copy")
    with (copy / "model.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(BundleDamaged, match="was altered"):
        draft_of(copy, Naming())


def test_a_plain_folder_is_understood_by_its_config_and_its_outputs(folder):
    manifest = draft_of(folder, Naming())
    assert manifest.name == "fp32"
    assert manifest.heads["polarity"].labels == POLARITY
    assert manifest.heads["emotion"].labels == EMOTIONS
    assert manifest.embedding.dimensions == 16
    assert manifest.text.max_length == 128


def test_labels_of_a_plain_folder_may_stand_in_another_order(folder, tmp_path):
    copy = with_labels(folder, tmp_path, ["POS", "neutral", "消极"])
    assert draft_of(copy, Naming()).heads["polarity"].labels == ("positive", "neutral", "negative")


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (["a", "b", "c"], OptionError, "sentire import"),
        (["1 star", "2 stars", "5 stars"], OptionError, "sentire import"),
        (["negative", "positive"], SourceError, "has 3 columns, polarity has 2 labels"),
    ],
)
def test_labels_that_a_graph_does_not_fit_are_refused(folder, tmp_path, names, error, message):
    with pytest.raises(error, match=message):
        draft_of(with_labels(folder, tmp_path, names), Naming())


def with_labels(folder, tmp_path, names):
    copy = shutil.copytree(folder, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text(encoding="utf-8"))
    config["id2label"] = dict(enumerate(names))
    (copy / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return copy


@pytest.mark.parametrize(
    ("naming", "message"),
    [
        (Naming(name="Bad Name"), "can't be the name"),
        (Naming(version="one"), "can't be the version"),
    ],
)
def test_names_that_no_bundle_may_have_are_refused_at_once(folder, naming, message):
    with pytest.raises(OptionError, match=message):
        draft_of(folder, naming)


@pytest.mark.parametrize(
    ("source", "name"),
    [("Owner/My Model", "my-model"), ("模型", "imported"), ("./a_b-C.1/", "a_b-c.1")],
)
def test_names_are_made_of_what_a_checkpoint_is_called(source, name):
    assert bundle_name(source) == name


def test_a_config_that_is_not_utf_8_is_named(folder, tmp_path):
    copy = shutil.copytree(folder, tmp_path / "copy")
    (copy / "config.json").write_bytes('{"a": "很好"}'.encode("gb18030"))
    with pytest.raises(SourceError, match=r"config\.json is not valid"):
        draft_of(copy, Naming())
