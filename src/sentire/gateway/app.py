"""The gateway: ``/analyze`` and the page, over models in this process or in model services."""

from fastapi import FastAPI

from sentire.pages.home import page_routes
from sentire.protocols import dialects
from sentire.protocols.context import Context
from sentire.protocols.native.routes import scoring_description, scoring_endpoint
from sentire.protocols.tags import NATIVE
from sentire.service.application import ModelApplication
from sentire.service.settings import Settings
from sentire.serving.served import ServedModels
from sentire.workers.member import Member


def create_app(
    models: ServedModels, settings: Settings, *, member: Member | None = None
) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    models : ServedModels
        Models of this process, loaded and self-tested, or of model services, which alone describe,
        load and unload them then. The caller closes them.
    settings : Settings
    member : Member, optional
        This worker, where several serve together.
    """
    app = ModelApplication(
        models,
        settings,
        title="sentire",
        description="Sentiment of Chinese and English texts. The page at / shows it to people.",
        member=member,
    )
    context = Context(models, settings.limits, app.bodies, settings.server.cors_origins)
    analyze = scoring_endpoint(context)
    app.post(
        "/analyze",
        tags=[NATIVE],
        operation_id="analyze",
        summary="Score a text or several",
        openapi_extra=scoring_description(),
    )(analyze)
    app.direct["/analyze"] = analyze
    dialects.add_routes(app, context)
    app.router.routes.extend(page_routes())
    return app
