"""The model service alone: ``/predict`` and all dialects, health and docs."""

from sentire.protocols import dialects
from sentire.protocols.context import Context
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
    dialects.add_routes(
        app, Context(models, settings.limits, app.bodies, settings.server.cors_origins)
    )
    return app
