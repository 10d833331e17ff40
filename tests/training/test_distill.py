import msgspec
import numpy as np
import pytest
import torch

from networks import QUICK, TEXT, TOKENIZER, collator, dataset, encoder, sentences, target
from sentire.text.tokenize import TextTokenizer
from sentire.training.backbone import Backbone
from sentire.training.distill import Distillation
from sentire.training.examples import Collator, encode
from sentire.training.mixture import TrainingRow
from sentire.training.run import Data, TrainingRun, train
from sentire.training.students import Teacher, distill, layers_of
from sentire.training.topics import read_topics
from sentire.training.trained import load_trained

SCHEDULE = msgspec.structs.replace(QUICK, epochs=12, evaluations=1)


def rows(n, *, seed=0, labelled=True):
    names = ("negative", "neutral", "positive")
    return [
        TrainingRow(text, {"polarity": target(names.index(label))} if labelled else {}, None)
        for text, label in sentences(n, seed=seed)
    ]


def job(tmp_path, given, name, **options):
    data = Data(given, [dataset(sentences(60, seed=9))], [], ())
    return TrainingRun(data, TEXT, SCHEDULE, tmp_path / name, **{"topic_rows": 0, **options})


def backbone(n_layers=2, seed=3):
    net = encoder(n_layers=n_layers, seed=seed)
    return Backbone(net.config, dict(net.base.state_dict()), {}, TOKENIZER)


def right(trained):
    held = [TrainingRow(t, {}, None) for t, _ in sentences(60, seed=9)]
    examples = encode(held, TextTokenizer(TOKENIZER), TEXT.normalization)
    batch = collator()(examples, np.arange(60), ends=np.zeros(60, bool))
    with torch.no_grad():
        found = trained.encoder.eval()(batch.input_ids, batch.attention_mask)["logits"].argmax(1)
    return float((found.numpy() == np.arange(60) % 3).mean())


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    folder = tmp_path_factory.mktemp("teacher")
    return train(job(folder, rows(240), "teacher"), backbone(n_layers=4), name="made")


def test_the_teacher_learned(teacher):
    assert right(teacher) > 0.9


def test_a_student_learns_from_texts_without_labels(tmp_path, teacher):
    student = distill(
        job(tmp_path, rows(240, seed=5, labelled=False), "student"),
        layers_of(teacher, [0, 3]),
        [Teacher(teacher, ())],
        Distillation(),
        name="made",
    )
    assert len(student.encoder.base.encoder.layer) == 2
    assert right(student) > 0.9


def test_a_teacher_teaches_its_own_languages_only(tmp_path, teacher):
    """Chinese rows without a teacher and without labels teach nothing: English ones do."""
    given = [TrainingRow("很好 喜欢 服务 真的很不错", {}, None), *rows(60, labelled=False)]
    made = distill(
        job(tmp_path, given, "student"),
        layers_of(teacher, None),
        [Teacher(teacher, ("en",))],
        Distillation(hidden=0.0),
        name="made",
    )
    assert made.encoder.n_labels == {"polarity": 3}


def test_a_student_with_other_tokens_still_learns_the_answers(tmp_path, teacher):
    own = backbone(seed=11)
    smaller, _ = own.prune([text for text, _ in sentences(240)], size=21_000)
    student = distill(
        job(tmp_path, rows(240, seed=5), "student"), smaller, [Teacher(teacher, ())],
        Distillation(), name="made",
    )  # fmt: skip
    held = [TrainingRow(t, {}, None) for t, _ in sentences(60, seed=9)]
    tokenizer = TextTokenizer(student.tokenizer_json)
    examples = encode(held, tokenizer, TEXT.normalization)
    batch = Collator(tokenizer, max_length=32, heads={})(
        examples, np.arange(60), ends=np.zeros(60, bool)
    )
    with torch.no_grad():
        found = student.encoder(batch.input_ids, batch.attention_mask)["logits"].argmax(1)
    assert float((found.numpy() == np.arange(60) % 3).mean()) > 0.8


def test_an_embedding_keeps_what_the_backbone_knew(tmp_path):
    given = rows(240)
    start = backbone()
    made = train(job(tmp_path, given, "net", topic_rows=200), start, name="made")
    examples = encode(given, TextTokenizer(TOKENIZER), TEXT.normalization)
    untouched = encoder(seed=3)
    untouched.base.load_state_dict(start.weights)
    topics = read_topics(untouched, examples, collator(), most=200, seed=SCHEDULE.seed)
    batch = collator()(examples, topics.rows, ends=np.zeros(200, bool))
    with torch.no_grad():
        vectors = made.encoder(batch.input_ids, batch.attention_mask)["embedding"]
    cosines = (vectors * torch.from_numpy(topics.vectors)).sum(1)
    assert float(cosines.mean()) > 0.5
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(200))
    again = load_trained(tmp_path / "net").encoder
    with torch.no_grad():
        read = again(batch.input_ids, batch.attention_mask)["embedding"]
    torch.testing.assert_close(read, vectors)
