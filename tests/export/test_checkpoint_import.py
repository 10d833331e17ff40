"""Checkpoints of other people become bundles that say what the checkpoint says."""

import json
import shutil

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

import sentire
from checkpoints import dev_sets
from sentire.errors import LabelsUnproven, OptionError, SourceError
from sentire.export.assemble import AssemblyOptions
from sentire.export.checkpoint_import import CheckpointOptions, import_checkpoint
from sentire.export.parity import PARITY_TOLERANCE
from sentire.export.probes import probes
from sentire.labels import POLARITY

pytestmark = pytest.mark.filterwarnings("ignore")

TEXTS = (
    "非常满意，下次还会再来！",
    "The food was disgusting and cold.",
    "It's ok, nothing special.",
)
PLAIN = AssemblyOptions(int8=False)


@pytest.fixture(scope="module")
def adopted(made, tmp_path_factory):
    """Bundles of three kinds of heads, made once."""
    root = tmp_path_factory.mktemp("adopted")
    return {
        name: import_checkpoint(str(made[name]), root / name, CheckpointOptions())
        for name in ("three", "stars", "two")
    }


def own_shares(checkpoint):
    """What ``transformers`` itself says, for each text and each of the checkpoint's labels."""
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    rows = []
    for text in TEXTS:
        with torch.no_grad():
            logits = model(
                **tokenizer(text, return_tensors="pt", return_token_type_ids=False)
            ).logits
        rows.append(torch.softmax(logits, dim=1)[0].numpy())
    return np.array(rows)


MERGED = {
    "three": ((0,), (1,), (2,)),
    "stars": ((0, 1), (2,), (3, 4)),
    "two": ((0,), (), (1,)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MERGED)
def test_probabilities_are_the_checkpoint_s_own_under_the_contract(made, tmp_path, name):
    import_checkpoint(str(made[name]), tmp_path / "bundle", CheckpointOptions(assembly=PLAIN))
    own = own_shares(made[name])
    expected = np.stack([own[:, list(columns)].sum(axis=1) for columns in MERGED[name]], axis=1)
    with sentire.load(tmp_path / "bundle") as analyzer:
        found = [analyzer.analyze(text).probabilities for text in TEXTS]
    assert [list(each) for each in found] == [list(POLARITY)] * len(TEXTS)
    np.testing.assert_allclose([list(each.values()) for each in found], expected, atol=1e-4)


@pytest.mark.parametrize("name", MERGED)
def test_the_int8_bundle_answers_the_probes(adopted, name):
    with sentire.load(adopted[name].assembled.bundle.path) as analyzer:
        for language in ("zh", "en"):
            for kind in ("negative", "positive"):
                found = [p.label for p in analyzer.analyze_many(probes(language, kind))]
                assert found.count(kind) >= 11


def test_proofs_come_with_the_bundle(adopted):
    found = adopted["stars"]
    assert [parity.engine for parity in found.parity] == ["openvino", "onnxruntime"]
    assert all(max(parity.alone, parity.batched) < PARITY_TOLERANCE for parity in found.parity)
    assert len(found.probed) == 6
    manifest = found.assembled.bundle.manifest
    assert manifest.quantization is not None
    assert manifest.evaluation == ()
    assert "1 star = negative, 2 stars = negative, 3 stars = neutral" in manifest.description


def test_two_classes_make_a_head_of_two_labels_and_neutral_is_0(adopted):
    bundle = adopted["two"].assembled.bundle
    assert bundle.manifest.heads["polarity"].labels == ("negative", "positive")
    assert "It knows no neutral: that is always 0." in bundle.manifest.description
    with sentire.load(bundle.path) as analyzer:
        found = analyzer.analyze("The train leaves at nine.", sentences=True)
    assert found.probabilities["neutral"] == 0.0
    assert found.label in {"negative", "positive"}


def test_the_text_path_is_the_checkpoint_s(adopted, made):
    text = adopted["three"].assembled.bundle.manifest.text
    assert (text.max_length, text.overlap, text.languages) == (128, 32, ("zh", "en"))
    assert not text.normalization.placeholders, "it has learned from texts as they are"
    config = json.loads((adopted["stars"].assembled.bundle.path / "config.json").read_bytes())
    assert config["id2label"] == {"0": "negative", "1": "neutral", "2": "positive"}
    assert str(made["stars"].parent) not in json.dumps(config)


@pytest.mark.slow
def test_with_labelled_texts_it_is_measured_and_calibrated(made, tmp_path):
    found = import_checkpoint(
        str(made["three"]), tmp_path / "bundle", CheckpointOptions(name="shop", licence="MIT"),
        dev=dev_sets(n_times=4),
    )  # fmt: skip
    manifest = found.assembled.bundle.manifest
    assert (manifest.name, manifest.licence) == ("shop", "MIT")
    assert [record.data for record in manifest.evaluation] == ["polarity-zh", "polarity-en"]
    assert set(manifest.heads["polarity"].calibration_error) == {"zh", "en"}


@pytest.mark.slow
def test_names_that_say_nothing_are_refused_until_they_are_said(made, tmp_path):
    with pytest.raises(
        LabelsUnproven, match=r"LABEL_0=neutral .*LABEL_1=positive .*LABEL_2=negative"
    ):
        import_checkpoint(str(made["nameless"]), tmp_path / "bundle", CheckpointOptions())
    said = {"LABEL_0": "neutral", "LABEL_1": "positive", "LABEL_2": "negative"}
    found = import_checkpoint(
        str(made["nameless"]), tmp_path / "bundle", CheckpointOptions(labels=said, assembly=PLAIN)
    )
    with sentire.load(found.assembled.bundle.path) as analyzer:
        assert analyzer.analyze("I hate it, it broke after one day.").label == "negative"


def test_what_is_said_wrongly_is_refused(made, tmp_path):
    said = {"LABEL_0": "neutral", "LABEL_1": "negative", "LABEL_2": "positive"}
    with pytest.raises(LabelsUnproven, match="only 0 are nearer to negative"):
        import_checkpoint(
            str(made["nameless"]), tmp_path / "bundle", CheckpointOptions(labels=said)
        )
    assert list(tmp_path.iterdir()) == []


def test_names_that_lie_are_found_out(made, tmp_path):
    copy = shutil.copytree(made["two"], tmp_path / "copy")
    config = json.loads((copy / "config.json").read_bytes())
    config["id2label"] = {"0": "POSITIVE", "1": "NEGATIVE"}
    (copy / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(LabelsUnproven, match="contradict the labels"):
        import_checkpoint(str(copy), tmp_path / "bundle", CheckpointOptions())


@pytest.mark.slow
def test_a_checkpoint_of_one_language_is_proved_in_that_language(made, tmp_path):
    with pytest.raises(LabelsUnproven, match="say --languages en"):
        import_checkpoint(str(made["english"]), tmp_path / "bundle", CheckpointOptions())
    wish = CheckpointOptions(languages=["en"], assembly=PLAIN)
    manifest = import_checkpoint(
        str(made["english"]), tmp_path / "bundle", wish
    ).assembled.bundle.manifest
    assert manifest.languages == ("en",)
    assert all(golden.text.isascii() for golden in manifest.golden)


def test_the_card_s_languages_are_proved_by_default(made, tmp_path):
    copy = shutil.copytree(made["english"], tmp_path / "copy")
    (copy / "README.md").write_text("---\nlanguage: [en]\nlicense: mit\n---\n", encoding="utf-8")
    found = import_checkpoint(str(copy), tmp_path / "bundle", CheckpointOptions(assembly=PLAIN))
    assert found.assembled.bundle.manifest.languages == ("en",)
    assert found.assembled.bundle.manifest.licence == "mit"


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        (CheckpointOptions(languages=["de"]), "in zh and en only"),
        (CheckpointOptions(max_length=129), "reads 16 to 128"),
        (CheckpointOptions(max_length=4), "reads 16 to 128"),
        (CheckpointOptions(name="Bad Name"), "can't be the name"),
    ],
)
def test_wishes_that_can_t_be_met_are_refused(made, tmp_path, wish, message):
    with pytest.raises(OptionError, match=message):
        import_checkpoint(str(made["three"]), tmp_path / "bundle", wish)


@pytest.mark.slow
def test_a_shorter_row_can_be_asked_for(made, tmp_path):
    wish = CheckpointOptions(max_length=32, assembly=PLAIN)
    path = import_checkpoint(str(made["stars"]), tmp_path / "bundle", wish).assembled.bundle.path
    with sentire.load(path) as analyzer:
        assert analyzer.analyze("good " * 60).coverage.windows > 1


def test_a_tokenizer_that_our_text_path_can_t_follow_is_refused(made, tmp_path):
    """It writes every text twice; windows know what stands before and behind a text."""
    copy = shutil.copytree(made["three"], tmp_path / "copy")
    settings = json.loads((copy / "tokenizer.json").read_bytes())
    settings["post_processor"]["single"] *= 2
    (copy / "tokenizer.json").write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(SourceError, match="its tokenizer reads"):
        import_checkpoint(str(copy), tmp_path / "bundle", CheckpointOptions())
