"""A Flask application around a PyTorch pipeline, as tutorials show it, under gunicorn.

FP32 weights; a process for each core with one thread of PyTorch, so that no core waits for another.
"""

import os
import sys
from pathlib import Path

import torch
from flask import Flask, jsonify, request
from transformers import pipeline


def create_app() -> Flask:
    torch.set_num_threads(1)
    classify = pipeline(
        "text-classification", model=os.environ["WEIGHTS"], device="cpu", trust_remote_code=True
    )
    app = Flask(__name__)

    @app.post("/predict")
    def predict():
        with torch.inference_mode():
            return jsonify(classify(request.json["text"], truncation=True)[0])

    return app


if __name__ == "__main__":
    os.chdir(Path(__file__).parent)
    words = ["-m", "gunicorn", "flask_pipeline:create_app()", "--workers", os.environ["CPUS"]]
    words += ["--worker-class", "gthread", "--threads", "1", "--keep-alive", "60"]
    words += ["--bind", f"127.0.0.1:{os.environ['PORT']}"]
    words += ["--timeout", "120", "--log-level", "warning"]
    os.execv(sys.executable, [sys.executable, *words])
