"""Models that a test holds back or slows down, and then sees what they computed."""

import threading
from pathlib import Path

from sentire.backends.fake import FakeBackend
from sentire.bundle.store import read_bundle
from sentire.inference.analyzer import Analyzer
from sentire.inference.scheduler import Scheduler, Scheduling
from sentire.serving.models import Models

OUTPUTS = {"logits": 3, "emotion": 7}


class Held(FakeBackend):
    """Computes nothing until it is let go; counts the rows that it computed."""

    def __init__(self, outputs: dict[str, int] = OUTPUTS) -> None:
        super().__init__(outputs)
        self.entered, self.let_go = threading.Event(), threading.Event()
        self.n_rows = 0

    def run(self, batch):
        self.entered.set()
        assert self.let_go.wait(60)
        self.n_rows += len(batch.input_ids)
        return super().run(batch)


class Paced(FakeBackend):
    """Takes its time for every batch, like an engine that is much slower than its clients."""

    def __init__(self, run_s: float, outputs: dict[str, int] = OUTPUTS) -> None:
        super().__init__(outputs)
        self.run_s = run_s

    def run(self, batch):
        threading.Event().wait(self.run_s)
        return super().run(batch)


def models_with(backend: FakeBackend, bundle_path: Path, **scheduling: int) -> Models:
    """A bundle on a backend of the test's choice."""

    def open_model(path: Path) -> Analyzer:
        bundle = read_bundle(path)
        pad_id, how = bundle.text_path.pad_id, Scheduling(**scheduling)
        return Analyzer(bundle, Scheduler(backend, pad_id=pad_id, scheduling=how), engine="fake")

    return Models([str(bundle_path)], open_model=open_model)
