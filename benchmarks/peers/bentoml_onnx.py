"""BentoML with adaptive batching around ONNX Runtime: a worker for each core."""

import os
import sys
from pathlib import Path

import bentoml
from classifier import CPUS, PORT, Classifier


@bentoml.service(
    workers=CPUS,
    traffic={"timeout": 60, "max_concurrency": 1024},
    logging={"access": {"enabled": False}},
    metrics={"enabled": False},
)
class Sentiment:
    def __init__(self) -> None:
        self.classify = Classifier()

    @bentoml.api(batchable=True, max_batch_size=32, max_latency_ms=1000)
    def predict(self, texts: list[str]) -> list[dict]:
        return self.classify(texts)


if __name__ == "__main__":
    program = str(Path(sys.executable).with_name("bentoml"))
    os.environ["BENTOML_DO_NOT_TRACK"] = "true"
    os.environ["BENTOML_HOME"] = os.environ["SCRATCH"]
    os.chdir(Path(__file__).parent)
    words = ["serve", "bentoml_onnx:Sentiment", "--host", "127.0.0.1", "--port", str(PORT)]
    os.execv(program, [program, *words])
