"""The gateway: ``/analyze`` and the page, over models in this process or in model services."""

from fastapi import FastAPI

from sentire.config import Settings
from sentire.dashboard.page import page_routes
from sentire.gateway.remote import RemoteModels
from sentire.service.base import BaseApp
from sentire.service.dialects import dialect_routers, inputs_endpoint, inputs_router
from sentire.service.docs import NATIVE
from sentire.service.models import Models
from sentire.service.routes import model_router, scoring_description, scoring_endpoint
from sentire.workers.member import Member


def create_app(
    models: Models | RemoteModels, settings: Settings, *, member: Member | None = None
) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    models : Models or RemoteModels
        Models of this process, loaded and self-tested, or of model services, which alone describe,
        load and unload them then. The caller closes them.
    settings : Settings
    member : Member, optional
        This worker, where several serve together.
    """
    app = BaseApp(
        models,
        settings,
        title="sentire",
        description="Sentiment of Chinese and English texts. The page at / shows it to people.",
        member=member,
    )
    app.post(
        "/analyze",
        tags=[NATIVE],
        operation_id="analyze",
        summary="Score a text or several",
        openapi_extra=scoring_description(),
    )(scoring_endpoint(models, settings.limits, bodies=app.bodies))
    inputs = inputs_endpoint(models, settings.limits)
    app.include_router(model_router(models, settings.limits, bodies=app.bodies, inputs=inputs))
    if isinstance(models, Models):
        routers = dialect_routers(models, settings, bodies=app.bodies)
    else:
        routers = [inputs_router(models, settings.limits, bodies=app.bodies)]
    for router in routers:
        app.include_router(router)
    app.router.routes.extend(page_routes())
    app.direct["/analyze"] = scoring_endpoint(models, settings.limits, bodies=app.bodies)
    app.direct["/predict"] = scoring_endpoint(
        models, settings.limits, bodies=app.bodies, inputs=inputs
    )
    return app
