"""Load a model so that it can be trusted: verify, start, check what it answers."""

from pathlib import Path

from sentire.backends.choose import open_backend
from sentire.bundle.builtin import find_bundle
from sentire.bundle.selftest import check_golden
from sentire.bundle.store import read_bundle
from sentire.errors import BundleDamaged
from sentire.inference.analyzer import Analyzer
from sentire.inference.scheduler import Scheduler, Scheduling
from sentire.threads import available_threads
from sentire.types import Prediction


def load(
    model: str | Path | None = None,
    *,
    engine: str = "openvino",
    threads: int | None = None,
    scheduling: Scheduling | None = None,
) -> Analyzer:
    """Load a model: verify its bundle, start its engine, check its golden sentences.

    Parameters
    ----------
    model : name of a packaged model, ``name@version``, or a bundle's folder; None is ``zh-en``
    engine : "openvino", "onnxruntime", "onnxruntime-cuda" or "onnxruntime-tensorrt"
    threads : int, optional
        CPUs to use; by default those that the process may use, bounded by its container's quota.

    Raises
    ------
    BundleError
        There is no bundle there, or it can't be trusted.
    BackendError, MissingExtra
        The engine can't run it.

    Examples
    --------
    >>> import sentire
    >>> analyzer = sentire.load()
    >>> analyzer.analyze("这个产品使用体验非常棒！").label
    'positive'
    """
    bundle = read_bundle(find_bundle(model))
    if "polarity" not in bundle.manifest.heads:
        raise BundleDamaged(bundle.path, "the manifest has no head named polarity")
    backend = open_backend(bundle, engine=engine, threads=threads or available_threads())
    scheduler = Scheduler(backend, pad_id=bundle.text_path.pad_id, scheduling=scheduling)
    analyzer = Analyzer(bundle, scheduler, engine=backend.name)
    try:
        golden = analyzer.analyze_many(sentence.text for sentence in bundle.manifest.golden)
        check_golden(bundle, [p.probabilities if isinstance(p, Prediction) else {} for p in golden])
    except BaseException:
        analyzer.close()
        raise
    return analyzer
