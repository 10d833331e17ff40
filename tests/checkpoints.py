"""Small classifiers in Hugging Face layout, trained for seconds on the packaged probes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    AutoModelForSequenceClassification,
    BertConfig,
    DistilBertConfig,
    ElectraConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
    XLMRobertaConfig,
)

from sentire.evaluation.datasets import Dataset
from sentire.export.onnx import export_onnx
from sentire.export.probes import PROBE_LANGUAGES, calibration_texts, probes
from sentire.labels import EMOTIONS, LABELS, POLARITY
from sentire.training.encoder import Encoder

THREE = ("negative", "neutral", "positive")
TWO = ("NEGATIVE", "POSITIVE")
STARS = ("1 star", "2 stars", "3 stars", "4 stars", "5 stars")
EMOTION_OF = {"negative": "anger", "neutral": "neutral", "positive": "joy"}
_SPECIAL = {
    "wordpiece": ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    "unigram": ("<s>", "<pad>", "</s>", "<unk>", "<mask>"),
}
_LENGTH = 128


def words() -> list[str]:
    """Every word and every character of the packaged sentences."""
    text = " ".join(calibration_texts(PROBE_LANGUAGES)).lower()
    found = set(text) | set("abcdefghijklmnopqrstuvwxyz0123456789.,!?，。！？")
    found |= {word.strip(".,!?'") for word in text.split() if word.isascii()}
    return sorted(found - {" ", ""})


def make_tokenizer(kind: str) -> PreTrainedTokenizerFast:
    """A WordPiece tokenizer as BERT has, or a Unigram one as XLM-R has."""
    special = _SPECIAL[kind]
    if kind == "wordpiece":
        pieces = [*special, *words(), *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz0123456789")]
        model = models.WordPiece({p: at for at, p in enumerate(pieces)}, unk_token="[UNK]")
        start, end, pad, unknown, mask = "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"
        normalizer, splitter = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    else:
        scored = [(f"▁{word}", -6.0) for word in words() if len(word) > 1]
        scored += [(character, -9.0) for character in words() if len(character) == 1]
        model = models.Unigram([(s, 0.0) for s in special] + [("▁", -4.0), *scored], unk_id=3)
        start, pad, end, unknown, mask = special
        normalizer, splitter = normalizers.Lowercase(), pre_tokenizers.Metaspace()
    tokenizer = Tokenizer(model)
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    tokenizer.add_special_tokens(list(special))
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {end} $B {end}",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in (start, end)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        cls_token=start,
        sep_token=end,
        pad_token=pad,
        unk_token=unknown,
        mask_token=mask,
        model_max_length=_LENGTH,
    )


def make_config(architecture: str, tokenizer: PreTrainedTokenizerFast, names: Sequence[str]):
    """A network of two layers."""
    shared = {
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "id2label": dict(enumerate(names)),
        "label2id": {name: at for at, name in enumerate(names)},
    }
    bert = {
        "hidden_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 96,
        "max_position_embeddings": _LENGTH,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    if architecture == "distilbert":
        return DistilBertConfig(
            **shared, dim=48, n_layers=2, n_heads=4, hidden_dim=96, dropout=0.0,
            attention_dropout=0.0, seq_classif_dropout=0.0, max_position_embeddings=_LENGTH,
        )  # fmt: skip
    if architecture in {"roberta", "xlm-roberta"}:
        kind = RobertaConfig if architecture == "roberta" else XLMRobertaConfig
        longest = _LENGTH + tokenizer.pad_token_id + 1
        return kind(**shared, **{**bert, "max_position_embeddings": longest})
    return {"bert": BertConfig, "electra": ElectraConfig}[architecture](**shared, **bert)


def target_of(kind: str, n: int, n_labels: int) -> int | None:
    """Column of the n-th probe of a kind in a head of 2, 3 or 5 labels."""
    if n_labels == 2:
        return {"negative": 0, "positive": 1}.get(kind)
    if n_labels == 3:
        return POLARITY.index(kind)
    return {"negative": n % 2, "neutral": 2, "positive": 3 + n % 2}[kind]


def make_checkpoint(
    folder: Path,
    *,
    architecture: str = "bert",
    tokenizer: str = "wordpiece",
    names: Sequence[str] = THREE,
    languages: Sequence[str] = PROBE_LANGUAGES,
    order: Sequence[int] | None = None,
    steps: int = 40,
) -> Path:
    """Train a classifier on the probes and save it as ``transformers`` does.

    Parameters
    ----------
    names : labels, by column
    order : column that means negative (or one star), and so on; by default as they stand
    """
    torch.manual_seed(5)
    reader = make_tokenizer(tokenizer)
    model = AutoModelForSequenceClassification.from_config(make_config(architecture, reader, names))
    texts, targets = [], []
    for language in languages:
        for kind in POLARITY:
            for n, text in enumerate(probes(language, kind)):
                target = target_of(kind, n, len(names))
                if target is not None:
                    texts.append(text)
                    targets.append(target if order is None else order[target])
    batch = reader(texts, padding=True, return_tensors="pt", return_token_type_ids=False)
    labels = torch.tensor(targets)
    learn(model, lambda: model(**batch, labels=labels).loss, steps=steps)
    model.save_pretrained(folder)
    reader.save_pretrained(folder)
    return folder


def make_folder(folder: Path) -> Path:
    """An FP32 graph of polarity, emotion and embedding with its files, as learning leaves them."""
    folder.mkdir(parents=True)
    torch.manual_seed(5)
    reader = make_tokenizer("unigram")
    config = make_config("xlm-roberta", reader, THREE)
    encoder = Encoder(config, heads={"polarity": 3, "emotion": 7}, embedding=16)
    texts = [t for code in PROBE_LANGUAGES for kind in POLARITY for t in probes(code, kind)]
    kinds = [kind for code in PROBE_LANGUAGES for kind in POLARITY for _ in probes(code, kind)]
    polarity = torch.tensor([POLARITY.index(kind) for kind in kinds])
    emotion = torch.tensor([EMOTIONS.index(EMOTION_OF[kind]) for kind in kinds])
    batch = reader(texts, padding=True, return_tensors="pt", return_token_type_ids=False)

    def loss() -> torch.Tensor:
        outputs = encoder(batch["input_ids"], batch["attention_mask"])
        entropy = torch.nn.functional.cross_entropy
        return entropy(outputs["logits"], polarity) + entropy(outputs["emotion"], emotion)

    learn(encoder, loss, steps=40)
    export_onnx(encoder, folder / "model.onnx", max_length=_LENGTH)
    reader.save_pretrained(folder)
    config.save_pretrained(folder)
    return folder


def make_spoiled(folder: Path) -> Path:
    """A network without training of which one layer suffers under INT8, and only there.

    The values of two channels are thousands of times the others; what reads them gives them almost
    no weight, so FP32 loses nothing, and INT8 has no steps left for the rest.
    """
    folder.mkdir(parents=True)
    torch.manual_seed(5)
    reader = make_tokenizer("unigram")
    config = make_config("xlm-roberta", reader, THREE)
    encoder = Encoder(config, heads={"polarity": 3}).eval()
    for layer in encoder.modules():
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.normal_(layer.weight, std=0.2)
    attention = encoder.base.encoder.layer[0].attention
    with torch.no_grad():
        encoder.heads["polarity"].weight *= 3
        attention.self.value.weight[:2] *= 3000
        attention.output.dense.weight[:, :2] /= 300_000
    export_onnx(encoder, folder / "model.onnx", max_length=_LENGTH)
    reader.save_pretrained(folder)
    config.save_pretrained(folder)
    return folder


def dev_sets(head: str = "polarity", *, n_times: int = 1) -> list[Dataset]:
    """The probes as development sets, one for each language."""
    labels = LABELS[head]
    sets = []
    for code in PROBE_LANGUAGES:
        pairs = [(t, kind) for kind in POLARITY for t in probes(code, kind)] * n_times
        gold = np.zeros((len(pairs), len(labels)), np.float32)
        for row, (_, kind) in enumerate(pairs):
            gold[row, labels.index(kind if head == "polarity" else EMOTION_OF[kind])] = 1
        sets.append(Dataset(f"{head}-{code}", head, [t for t, _ in pairs], gold, None, 0))
    return sets


def learn(model: torch.nn.Module, loss: Callable[[], torch.Tensor], *, steps: int) -> None:
    """Take steps of full batches."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # on a busy machine, threads that wait for each other cost the most
    model.train()
    for _ in range(steps):
        value = loss()
        optimizer.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    model.eval()
    torch.set_num_threads(before)
