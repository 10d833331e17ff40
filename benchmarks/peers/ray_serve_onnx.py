"""Ray Serve with ``@serve.batch`` around ONNX Runtime: a replica for each core."""

import os
from pathlib import Path

import ray
from classifier import CPUS, PORT, Classifier
from ray import serve
from starlette.requests import Request


@serve.deployment(num_replicas=CPUS, max_ongoing_requests=256, ray_actor_options={"num_cpus": 0.5})
class Sentiment:
    def __init__(self) -> None:
        self._classify = Classifier()

    @serve.batch(max_batch_size=32, batch_wait_timeout_s=0.002)
    async def _batch(self, texts: list[str]) -> list[dict]:
        return self._classify(texts)

    async def __call__(self, request: Request) -> dict:
        return await self._batch((await request.json())["text"])


if __name__ == "__main__":
    os.environ["RAY_AUTH_MODE"] = "disabled"
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    variables = {name: os.environ[name] for name in ("BUNDLE", "CPUS")}
    variables["PYTHONPATH"] = str(Path(__file__).parent)
    ray.init(
        num_cpus=CPUS,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=100 * 2**20,
        _temp_dir=os.environ["SCRATCH"],
        runtime_env={"env_vars": variables},
    )
    serve.start(
        http_options={"host": "127.0.0.1", "port": PORT},
        logging_config={"enable_access_log": False},
    )
    serve.run(Sentiment.bind(), blocking=True)
