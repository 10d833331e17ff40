"""The gateway: ``/analyze`` and the page, with the model service in the same process."""

from fastapi import FastAPI

from sentire.config import Settings
from sentire.dashboard.page import page_routes
from sentire.inference.analyzer import Analyzer
from sentire.service.base import BaseApp
from sentire.service.routes import model_router, scoring_description, scoring_endpoint


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
        title="sentire",
        description="Sentiment of Chinese and English texts. The page at / shows it to people.",
    )
    app.post(
        "/analyze",
        operation_id="analyze",
        summary="Score a text or several",
        openapi_extra=scoring_description(),
    )(scoring_endpoint(analyzer, settings.limits))
    app.include_router(model_router(analyzer, settings.limits))
    app.router.routes.extend(page_routes())
    return app
