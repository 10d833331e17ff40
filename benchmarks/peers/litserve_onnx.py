"""LitServe with dynamic batching around ONNX Runtime: a worker of the model for each core."""

import litserve
from classifier import CPUS, PORT, Classifier


class Api(litserve.LitAPI):
    def setup(self, device):  # noqa: ARG002
        self.classify = Classifier()

    def decode_request(self, request):
        return request["text"]

    def predict(self, texts):
        return self.classify(texts)

    def encode_response(self, output):
        return output


if __name__ == "__main__":
    server = litserve.LitServer(
        Api(max_batch_size=32, batch_timeout=0.002),
        accelerator="cpu",
        workers_per_device=CPUS,
        fast_queue=True,
    )
    server.run(
        host="127.0.0.1", port=PORT, generate_client_file=False, log_level="warning",
        access_log=False,
    )  # fmt: skip
