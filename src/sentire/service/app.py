"""The model service alone: ``/predict``, health and docs."""

from sentire.config import Settings
from sentire.service.base import BaseApp
from sentire.service.dialects import dialect_routers, inputs_endpoint
from sentire.service.models import Models
from sentire.service.routes import model_router, scoring_endpoint
from sentire.workers.member import Member


def create_app(models: Models, settings: Settings, *, member: Member | None = None) -> BaseApp:
    """Make the application.

    Parameters
    ----------
    models : Models
        Loaded and self-tested; the caller closes them.
    settings : Settings
    member : Member, optional
        This worker, where several serve together.
    """
    app = BaseApp(
        models,
        settings,
        title="sentire model service",
        description="Sentiment of Chinese and English texts from one model or several.",
        member=member,
    )
    inputs = inputs_endpoint(models, settings.limits)
    app.include_router(model_router(models, settings.limits, bodies=app.bodies, inputs=inputs))
    for router in dialect_routers(models, settings, bodies=app.bodies):
        app.include_router(router)
    app.direct["/predict"] = scoring_endpoint(
        models, settings.limits, bodies=app.bodies, inputs=inputs
    )
    return app
