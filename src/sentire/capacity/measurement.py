"""Measure what texts cost on this very machine, in some seconds.

CPU seconds are counted rather than seconds on the wall, so that other programs on the machine
change them little. What a lone answer takes can't be had otherwise than by the wall.

Reads:   a model, a length of texts
Gives:   costs, and memory
Never:   leaves the server that it starts behind
"""

import itertools
import random
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from sentire.backends.base import Backend
from sentire.backends.choose import open_backend
from sentire.bundle.store import Bundle, read_bundle
from sentire.capacity.load import Load, serving
from sentire.capacity.plan import Costs
from sentire.errors import OptionError
from sentire.inference.analyzer import Analyzer
from sentire.inference.batching import Batching, pad, padded_width
from sentire.inference.scheduler import Scheduler
from sentire.processor import read_processor
from sentire.types import Document, Prediction

_SEED = 1
_N_TEXTS = 24
_CHARACTERS = 20
"""No text has more for each token."""
_BULK_S, _BATCH_S = 0.3, 0.1
"""CPU seconds for each length, and for each size of a batch."""

_DISTURBED = 1.2


class Bulk(msgspec.Struct, frozen=True, kw_only=True):
    """Texts of one length, many at once, as ``sentire analyze`` reads a file."""

    tokens: int
    windows: int
    """Pieces that each is read in."""
    texts_s: float
    """Texts a second and core."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured."""

    model: str
    engine: str
    tokens: int
    """Length of the texts that ``costs`` are of."""
    bulk: list[Bulk]
    costs: Costs
    service_s: float
    """Texts a second and core over HTTP, one in a request, when it is busy."""
    lone_p50_s: float
    memory: int
    """Bytes of a process that serves the model."""
    processor: str
    disturbance: float
    """Seconds that one CPU second took: 1 on a quiet machine, more where other programs ran."""

    @property
    def is_disturbed(self) -> bool:
        """Whether times on the wall say more about other programs than about this one."""
        return self.disturbance > _DISTURBED


def measure(path: Path, *, engine: str, tokens: int) -> Measured:
    """Measure a model.

    Parameters
    ----------
    path : folder of a bundle
    engine : one that runs on the CPU
    tokens : length of the texts that are to be planned for

    Raises
    ------
    OptionError
        The engine runs on a GPU, where CPU seconds say nothing.
    """
    if engine not in {"openvino", "onnxruntime"}:
        raise OptionError(
            f"what a load needs is measured in CPU seconds, and {engine} runs on a GPU. Leave "
            "--engine away, or measure the GPU with a load of your own."
        )
    bundle = read_bundle(path)
    backend = open_backend(bundle, engine=engine, threads=1)
    scheduler = Scheduler(backend, pad_id=bundle.text_path.pad_id)
    # The longest that is read at once, special tokens aside, and one that is read in pieces.
    longest = bundle.text_path.settings.max_length - 8
    lengths = (8, 16, 32, 64, longest, 4 * longest)
    with Analyzer(bundle, scheduler, engine=backend.name) as analyzer:
        texts = {length: texts_of(bundle, length) for length in {*lengths, tokens}}
        bulk = [_bulk(analyzer, length, texts[length]) for length in sorted(set(lengths))]
        began, cpu = time.perf_counter(), time.process_time()
        sizes, times = _batches(bundle, backend, texts[tokens])
        disturbance = (time.perf_counter() - began) / (time.process_time() - cpu)
    batch_s, row_s = line(sizes, times)
    with serving(path, engine=engine) as server:
        load = Load(server, texts[tokens])
        lone = load.lone()
        busy = load.busy()
    engine_s = batch_s / busy.batch + row_s
    costs = Costs(
        batch_s=batch_s,
        row_s=row_s,
        largest=sizes[-1],
        python_s=max(0.0, busy.cpu_s - engine_s),
        lone_p99_s=percentile(lone, 99),
    )
    return Measured(
        model=f"{bundle.info.name} {bundle.info.version}",
        engine=backend.name,
        tokens=tokens,
        bulk=bulk,
        costs=costs,
        service_s=1 / busy.cpu_s,
        lone_p50_s=statistics.median(lone),
        memory=busy.memory,
        processor=read_processor(Path("/")).name,
        disturbance=disturbance,
    )


def texts_of(bundle: Bundle, tokens: int) -> list[str]:
    """Different texts of about as many tokens, in the model's languages, always the same.

    Parameters
    ----------
    bundle : Bundle
        Its golden sentences are the material.
    tokens : without special ones; a text has at least one and at most a few more
    """
    chance = random.Random(_SEED)  # noqa: S311 - not for secrets
    pieces = [golden.text for golden in bundle.manifest.golden]
    found = []
    for _ in range(_N_TEXTS):
        chance.shuffle(pieces)
        material = " ".join(pieces)
        start = chance.randrange(len(material))
        text = material[start:] + " " + material * (1 + _CHARACTERS * tokens // len(material))
        low, high = 1, _CHARACTERS * tokens
        while low < high:
            middle = (low + high) // 2
            enough = _n_tokens(bundle, text[:middle]) >= tokens
            low, high = (low, middle) if enough else (middle + 1, high)
        found.append(text[:low])
    return found


def line(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float]:
    """Intercept and slope through points, both at least 0, the relative errors being least.

    Examples
    --------
    >>> [round(value, 3) for value in line([1, 2, 4], [3.0, 4.0, 6.0])]
    [2.0, 1.0]
    """
    weights = [1 / y**2 for y in ys]
    total = sum(weights)
    x = sum(w * v for w, v in zip(weights, xs, strict=True)) / total
    y = sum(w * v for w, v in zip(weights, ys, strict=True)) / total
    spread = sum(w * (v - x) ** 2 for w, v in zip(weights, xs, strict=True))
    if not spread:
        return 0.0, y / x
    joint = sum(w * (a - x) * (b - y) for w, a, b in zip(weights, xs, ys, strict=True))
    slope = min(max(0.0, joint / spread), y / x)
    return y - slope * x, slope


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that ``percent`` of the values don't exceed.

    Examples
    --------
    >>> percentile([5.0, 1.0, 3.0, 2.0, 4.0], 80)
    4.0
    """
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, -(-len(ordered) * percent // 100) - 1))]


def _bulk(analyzer: Analyzer, tokens: int, texts: list[str]) -> Bulk:
    """Score blocks of texts for a while."""
    answers = list(analyzer.analyze_many(texts))  # kernels of all batches are made now
    windows = max(a.coverage.windows for a in answers if isinstance(a, Prediction))
    n_texts, cpu = 0, time.process_time()
    some = list(itertools.islice(itertools.cycle(texts), max(8, 256 // windows)))
    while (took := time.process_time() - cpu) < _BULK_S:
        n_texts += sum(1 for _ in analyzer.analyze_many(some))
    return Bulk(tokens=tokens, windows=windows, texts_s=n_texts / took)


def _batches(bundle: Bundle, backend: Backend, texts: list[str]) -> tuple[list[int], list[float]]:
    """CPU seconds of batches of 1, 2, 4, … texts, up to the largest that the scheduler makes."""
    documents = [d for d in bundle.text_path.prepare(texts) if isinstance(d, Document)]
    windows = [window for document in documents for window in document.windows]
    per_text = len(windows) / len(documents)
    batching = Batching()
    widest = max(padded_width(len(window.ids)) for window in windows)
    most = max(1, min(batching.max_rows, batching.max_tokens // widest))
    sizes, times = [], []
    for n_rows in (n for n in (1, 2, 4, 8, 16, 32) if n <= most):
        batch = pad([w.ids for w in windows[:n_rows]], pad_id=bundle.text_path.pad_id)
        backend.run(batch)  # its kernels are made now
        n_runs, cpu = 0, time.process_time()
        while (took := time.process_time() - cpu) < _BATCH_S:
            backend.run(batch)
            n_runs += 1
        sizes.append(n_rows)
        times.append(took / n_runs * per_text)
    return sizes, times


def _n_tokens(bundle: Bundle, text: str) -> int:
    [document] = bundle.text_path.prepare([text])
    return document.coverage.tokens if isinstance(document, Document) else 0
