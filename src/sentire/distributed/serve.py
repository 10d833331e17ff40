"""The model service as an application of Ray Serve.

``serve run sentire.distributed.serve:build models=zh-en`` starts it, and so does a Serve config
file whose ``import_path`` is ``sentire.distributed.serve:build``.

Reads:   the arguments of the application
Gives:   an application with one deployment
Never:   starts a cluster, or loads a model: replicas do
"""

import warnings
from collections.abc import Mapping
from typing import Any

from sentire.distributed.autoscaler import ScalingPolicy
from sentire.distributed.metrics_pages import MetricsPages
from sentire.distributed.options import DeploymentOptions, read_options
from sentire.distributed.replica import METRICS_ACTOR, PUBLISH_S, Replica
from sentire.optional import import_extra

NAME = "model-service"
"""Of the deployment, for those who override its options in a Serve config file."""

_END_S = 30
"""Seconds that a replica gets to answer what is under way. Ray kills it then."""
_HEALTH_S = 5


def build(arguments: Mapping[str, Any]) -> Any:
    """Make the application.

    Parameters
    ----------
    arguments : mapping
        Fields of :class:`~sentire.distributed.options.DeploymentOptions`; values may be texts.

    Returns
    -------
    ray.serve.Application
        For ``serve.run``, or what Ray calls this for.

    Raises
    ------
    OptionError
        An argument is unknown, or not allowed.
    MissingExtra
        Ray is not installed.

    Examples
    --------
    >>> from ray import serve  # doctest: +SKIP
    >>> serve.run(build({"models": ["zh-en"], "max_replicas": 8}))  # doctest: +SKIP
    """
    options = read_options(arguments)
    purpose = "serving on a Ray cluster"
    ray = import_extra("ray", extra="ray", purpose=purpose)
    serve = import_extra("ray.serve", extra="ray", purpose=purpose)
    deployment = serve.deployment(
        serve.ingress()(Replica),
        name=NAME,
        ray_actor_options={"num_cpus": options.cpus},
        max_ongoing_requests=options.max_ongoing_requests,
        max_queued_requests=options.max_queued_requests,
        backpressure_config={"status_code": 429, "retry_after_s": 1},
        autoscaling_config=_autoscaling(options),
        health_check_period_s=_HEALTH_S,
        health_check_timeout_s=options.hang_s,
        graceful_shutdown_timeout_s=_END_S,
        max_surge_percent=100,  # a new one answers before an old one ends
        deployment_actors=[
            {
                "name": METRICS_ACTOR,
                "actor_class": ray.remote(MetricsPages),
                "init_kwargs": {"keep_s": 3 * PUBLISH_S},
                "actor_options": {"num_cpus": 0},
            }
        ],
    )
    return deployment.bind(options)


def _autoscaling(options: DeploymentOptions) -> Any:
    """Make Ray's configuration of the number of replicas."""
    config = import_extra("ray.serve.config", extra="ray", purpose="serving on a Ray cluster")
    with warnings.catch_warnings():
        # Ray announces that the intervals will move into variables of its own, which 2.60 reads
        # nowhere; until then this is the only place.
        warnings.simplefilter("ignore")
        return config.AutoscalingConfig(
            min_replicas=options.min_replicas,
            max_replicas=options.max_replicas,
            target_ongoing_requests=options.target_ongoing_requests,
            upscale_delay_s=options.upscale_delay_s,
            downscale_delay_s=options.downscale_delay_s,
            look_back_period_s=options.look_back_s,
            metrics_interval_s=options.report_s,
            policy=config.AutoscalingPolicy(
                policy_function=ScalingPolicy,
                policy_kwargs={"target_wait_ms": options.target_wait_ms},
            ),
        )
