"""Small real tokenizers, built here so that the tests need no data."""

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

WORDS = [
    "the",
    "food",
    "was",
    "great",
    "but",
    "service",
    "slow",
    "good",
    "bad",
    "phone",
    "a",
    *"好很但是服务差房间大",
]


def unigram() -> Tokenizer:
    """XLM-R's kind: Metaspace, <s> text </s>, every lower-case letter and a few words known."""
    letters = [(letter, -6.0) for letter in "abcdefghijklmnopqrstuvwxyz.,!?。，！？"]
    words = [(piece, -4.0) for word in WORDS for piece in (f"▁{word}", word) if len(piece) > 1]
    single = [(word, -5.0) for word in WORDS if len(word) == 1 and word != "a"]
    special = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    vocabulary = [*special, ("▁", -3.0), *letters, *words, *single]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Replace("\n", " ")
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def word_level() -> Tokenizer:
    """BERT's kind of special tokens: [CLS] text [SEP]."""
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, ".", ","]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


@pytest.fixture(scope="session")
def unigram_json() -> str:
    return unigram().to_str()


@pytest.fixture(scope="session")
def word_level_json() -> str:
    return word_level().to_str()
