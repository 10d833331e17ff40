"""Load a model so that it can be trusted: verify, start, check what it answers."""

from pathlib import Path

import numpy as np

from sentire.backends.base import Backend
from sentire.backends.choose import open_backend
from sentire.bundle.builtin import find_bundle
from sentire.bundle.selftest import check_golden, check_outputs
from sentire.bundle.store import Bundle, read_bundle
from sentire.errors import BundleDamaged
from sentire.inference.analyzer import Analyzer
from sentire.inference.batching import pad
from sentire.inference.scheduler import Scheduler, Scheduling
from sentire.threads import choose_threads
from sentire.types import Prediction


def load(
    model: str | Path | None = None,
    *,
    engine: str = "openvino",
    threads: int | None = None,
    scheduling: Scheduling | None = None,
) -> Analyzer:
    """Load a model: verify its bundle, start its engine, check its outputs and golden sentences.

    Parameters
    ----------
    model : name of a packaged model, ``name@version``, or a bundle's folder; None is ``zh-en``
    engine : "openvino", "onnxruntime", "onnxruntime-cuda" or "onnxruntime-tensorrt"
    threads : int, optional
        CPUs to use, from 1 to 1024; by default those that the process may use, bounded by its
        container's quota.
    scheduling : Scheduling, optional
        How much may wait, and how it is batched.

    Raises
    ------
    BundleError
        There is no bundle there, or it can't be trusted.
    BundleDamaged
        A file is missing or altered, or the model has no head named polarity.
    OptionError
        ``threads`` or ``engine`` is not allowed.
    BackendError, MissingExtra
        The engine can't run it.

    Examples
    --------
    >>> import sentire
    >>> analyzer = sentire.load()
    >>> analyzer.analyze("这个产品使用体验非常棒！").label
    'positive'
    """
    n_threads = choose_threads(threads)
    bundle = read_bundle(find_bundle(model))
    if "polarity" not in bundle.manifest.heads:
        raise BundleDamaged(bundle.path, "the manifest has no head named polarity")
    backend = open_backend(bundle, engine=engine, threads=n_threads)
    _check_outputs(bundle, backend)
    scheduler = Scheduler(backend, pad_id=bundle.text_path.pad_id, scheduling=scheduling)
    analyzer = Analyzer(bundle, scheduler, engine=backend.name)
    try:
        golden = analyzer.analyze_many(sentence.text for sentence in bundle.manifest.golden)
        check_golden(bundle, [p.probabilities if isinstance(p, Prediction) else {} for p in golden])
    except BaseException:
        analyzer.close()
        raise
    return analyzer


def _check_outputs(bundle: Bundle, backend: Backend) -> None:
    """Run one row, before anything answers by it."""
    try:
        row = np.full(1, bundle.text_path.pad_id, np.int32)
        check_outputs(bundle, backend.run(pad([row], pad_id=bundle.text_path.pad_id)))
    except BaseException:
        backend.close()
        raise
