"""The bare engine: already tokenized, length-sorted batches, and nothing else.

Prints texts a second. ``python benchmarks/bare.py FILE``
"""

import json
import queue
import sys
import threading
import time
from pathlib import Path

from sentire.backends.choose import open_backend
from sentire.bundle.builtin import find_bundle
from sentire.bundle.store import read_bundle
from sentire.inference.batching import Batching, LengthBuckets, pad
from sentire.threads import available_threads
from sentire.types import Document


def measure(path: Path) -> float:
    """Texts a second over the file, all windows sorted by length beforehand."""
    bundle = read_bundle(find_bundle())
    lines = [json.loads(line)["text"] for line in path.open(encoding="utf-8")]
    documents = [d for d in bundle.text_path.prepare(lines) if isinstance(d, Document)]
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
    return len(lines) / seconds


if __name__ == "__main__":
    print(measure(Path(sys.argv[1])))
