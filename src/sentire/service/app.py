"""The model service alone: ``/predict`` and all dialects, health and docs."""

from sentire.protocols import dialects
from sentire.protocols.context import Context
from sentire.protocols.inputs import inputs_endpoint
from sentire.protocols.native.routes import native_router, scoring_endpoint
from sentire.service.application import ModelApplication
from sentire.service.settings import Settings
from sentire.serving.served import ServedModels
from sentire.workers.member import Member


def create_app(
    models: ServedModels, settings: Settings, *, member: Member | None = None
) -> ModelApplication:
    """Make the application.

    Parameters
    ----------
    models : ServedModels
        Loaded and self-tested; the caller closes them.
    settings : Settings
    member : Member, optional
        This worker, where several serve together.
    """
    app = ModelApplication(
        models,
        settings,
        title="sentire model service",
        description="Sentiment of Chinese and English texts from one model or several.",
        member=member,
    )
    add_dialects(app, Context(models, settings.limits, app.bodies, settings.server.cors_origins))
    return app


def add_dialects(app: ModelApplication, context: Context) -> None:
    """Add the routes of all dialects.

    Parameters
    ----------
    app : ModelApplication
    context : Context
    """
    inputs = inputs_endpoint(context)
    app.include_router(native_router(context, inputs=inputs))
    for router in dialects.routers(context):
        app.include_router(router)
    app.direct["/predict"] = scoring_endpoint(context, inputs=inputs)
