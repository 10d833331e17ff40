"""The bare engine: already tokenized texts, and nothing else.

python benchmarks/bare.py FILE                      texts a second in length-sorted batches
python benchmarks/bare.py FILE --one-by-one SHORT   calls one after another, as JSON
"""

import argparse
import json
import queue
import statistics
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from sentire.backends.base import Backend
from sentire.backends.choose import open_backend
from sentire.bundle.builtin import find_bundle
from sentire.bundle.store import Bundle, read_bundle
from sentire.inference.batching import Batching, LengthBuckets, pad
from sentire.threads import available_threads
from sentire.types import Batch, Document

N_CALLS = 1500


def measure(path: Path, bundle: Bundle) -> float:
    """Texts a second over the file, all windows sorted by length beforehand."""
    documents = read(path, bundle)
    windows = sorted((w.ids for d in documents for w in d.windows), key=len)
    buckets: LengthBuckets[int] = LengthBuckets(Batching(max_tokens=2048, max_rows=64))
    for number, ids in enumerate(windows):
        buckets.add(number, len(ids))
    batches = []
    while chosen := buckets.take():
        batches.append(pad([windows[i] for i in chosen], pad_id=bundle.text_path.pad_id))
    backend = open_backend(bundle, engine="openvino", threads=available_threads())
    waiting: queue.SimpleQueue = queue.SimpleQueue()

    def work() -> None:
        while (batch := waiting.get()) is not None:
            backend.run(batch)

    def once(chosen: list) -> float:
        for batch in [*chosen, *[None] * backend.n_streams]:
            waiting.put(batch)
        workers = [threading.Thread(target=work) for _ in range(backend.n_streams)]
        started = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return time.perf_counter() - started

    once(batches[:: max(1, len(batches) // 40)])
    seconds = once(batches)
    backend.close()
    return len(documents) / seconds


def one_by_one(mix: Path, short: Path, bundle: Bundle) -> dict[str, float]:
    """Times of single calls, one text each, in milliseconds; and how many of them fit a second."""
    backend = open_backend(bundle, engine="openvino", threads=available_threads())
    short_ms = sorted(calls(backend, batches_of_one(short, bundle)))
    mix_ms = sorted(calls(backend, batches_of_one(mix, bundle)))
    backend.close()
    return {
        "short_p50_ms": statistics.median(short_ms),
        "mix_p50_ms": statistics.median(mix_ms),
        "mix_p99_ms": mix_ms[int(0.99 * len(mix_ms))],
        "per_s": 1000 / statistics.fmean(mix_ms),
    }


def calls(backend: Backend, batches: Sequence[Batch]) -> list[float]:
    """Milliseconds of each, after a round that nobody looks at: engines prepare for each width."""
    for batch in batches[: len(batches) // 3]:
        backend.run(batch)
    found = []
    for batch in batches:
        started = time.perf_counter()
        backend.run(batch)
        found.append(1000 * (time.perf_counter() - started))
    return found


def batches_of_one(path: Path, bundle: Bundle) -> list[Batch]:
    """The first windows of the first texts, each alone."""
    documents = read(path, bundle, limit=N_CALLS)
    return [pad([d.windows[0].ids], pad_id=bundle.text_path.pad_id) for d in documents]


def read(path: Path, bundle: Bundle, *, limit: int | None = None) -> list[Document]:
    """The texts of a file as the model reads them."""
    lines = [json.loads(line)["text"] for line in path.open(encoding="utf-8")][:limit]
    return [d for d in bundle.text_path.prepare(lines) if isinstance(d, Document)]


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--one-by-one", type=Path, metavar="SHORT", help="time single calls")
    parser.add_argument("--model", help="a model  [default: the built-in one]")
    args = parser.parse_args()
    bundle = read_bundle(find_bundle(args.model))
    if args.one_by_one is None:
        print(measure(args.file, bundle))
    else:
        print(json.dumps(one_by_one(args.file, args.one_by_one, bundle)))


if __name__ == "__main__":
    main()
