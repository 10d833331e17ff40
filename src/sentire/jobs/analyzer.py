"""The model of a use case that scores many texts.

Reads:   a model's name or a bundle's folder
Gives:   the loaded model, and its end
Never:   keeps whoever stops the run waiting
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sentire.inference.analyzer import Analyzer
from sentire.inference.load import load
from sentire.types import Engine


@contextmanager
def open_analyzer(model: str | Path | None, *, engine: Engine) -> Iterator[Analyzer]:
    """Load a model, and close it at the end.

    One who stops the run, by Ctrl-C or by reading on no longer, does not wait until the model has
    answered what waits.

    Parameters
    ----------
    model : as :func:`~sentire.inference.load.load` takes it
    engine : what runs it

    Raises
    ------
    SentireError
        It can't be loaded.
    """
    analyzer = load(model, engine=engine)
    try:
        yield analyzer
    except (KeyboardInterrupt, BrokenPipeError):
        raise
    except BaseException:
        analyzer.close()
        raise
    analyzer.close()
