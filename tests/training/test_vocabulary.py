import json

import pytest
from tokenizers import Tokenizer

from sentire.training.vocabulary import prune
from tiny import tiny_tokenizer


def test_pruning_keeps_what_the_texts_use_and_segments_it_as_before():
    texts = ["I love this", "服务太差", "good"]
    before = Tokenizer.from_str(tiny_tokenizer())
    pruned = prune(tiny_tokenizer(), texts, size=before.get_vocab_size() - 3)
    after = Tokenizer.from_str(pruned.tokenizer_json)
    assert after.get_vocab_size() == len(pruned.rows) < before.get_vocab_size()
    assert pruned.rows[:4] == [0, 1, 2, 3]
    for text in texts:
        assert before.encode(text).tokens == after.encode(text).tokens
        assert [pruned.rows[i] for i in after.encode(text).ids] == before.encode(text).ids
    assert "unknown tokens 0.0000% before and 0.0000% after" in pruned.summary()


def test_a_vocabulary_that_is_not_unigram_is_refused():
    spec = json.loads(tiny_tokenizer())
    spec["model"] = {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}
    with pytest.raises(ValueError, match="WordLevel"):
        prune(json.dumps(spec), ["a"], size=10)
