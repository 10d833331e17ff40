"""The model service alone: one loaded model, ``/predict``, health and docs."""

from fastapi import FastAPI

from sentire.config import Settings
from sentire.inference.analyzer import Analyzer
from sentire.service.base import BaseApp
from sentire.service.routes import model_router


def create_app(analyzer: Analyzer, settings: Settings) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    analyzer : Analyzer
        Loaded and self-tested; the caller closes it.
    settings : Settings
    """
    app = BaseApp(
        settings,
        title="sentire model service",
        description="Sentiment of Chinese and English texts from one model.",
    )
    app.include_router(model_router(analyzer, settings.limits))
    return app
