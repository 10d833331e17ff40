"""MLServer with adaptive batching around ONNX Runtime.

One process and a session with a thread for each core: MLServer's parallel workers stand behind the
queue that makes batches, and one of them gets each batch.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from classifier import CPUS, PORT, Classifier
from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Sentiment(MLModel):
    async def load(self) -> bool:
        self._classify = Classifier(threads=CPUS)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        texts = StringCodec.decode_input(payload.inputs[0])
        answers = await asyncio.to_thread(self._classify, texts)
        labels = [str(answer["label"]) for answer in answers]
        return InferenceResponse(
            model_name=self.name, outputs=[StringCodec.encode_output("label", labels)]
        )


if __name__ == "__main__":
    folder = Path(os.environ["SCRATCH"])
    settings = {
        "host": "127.0.0.1",
        "http_port": PORT,
        "grpc_port": int(os.environ["PORT_2"]),
        "metrics_port": int(os.environ["PORT_3"]),
        "metrics_endpoint": None,
        "parallel_workers": 0,
        "debug": False,
    }
    model = {
        "name": "sentiment",
        "implementation": "mlserver_onnx.Sentiment",
        "max_batch_size": 32,
        "max_batch_time": 0.002,
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(model))
    os.environ["PYTHONPATH"] = str(Path(__file__).parent)
    program = str(Path(sys.executable).with_name("mlserver"))
    os.execv(program, [program, "start", str(folder)])
