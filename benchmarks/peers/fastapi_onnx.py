"""FastAPI around ONNX Runtime, one text at a time, with a worker for each core.

The handler computes in the event loop of its worker: with a core to each worker there is nothing
else to do meanwhile.
"""

import uvicorn
from classifier import CPUS, PORT, Classifier
from fastapi import FastAPI
from pydantic import BaseModel


class Request(BaseModel):
    text: str


def create_app() -> FastAPI:
    classify = Classifier()
    app = FastAPI()

    @app.post("/predict")
    async def predict(request: Request) -> dict[str, object]:
        return classify([request.text])[0]

    return app


if __name__ == "__main__":
    uvicorn.run(
        "fastapi_onnx:create_app", factory=True, port=PORT, workers=CPUS, log_level="warning"
    )
