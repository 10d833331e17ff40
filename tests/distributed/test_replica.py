"""The end of a replica. Ray is stood in for by what it gives to one; test_ray_serve.py has Ray."""

import asyncio
import gc
from types import SimpleNamespace

import pytest

from sentire.distributed import replica as module
from sentire.distributed.metrics_pages import MetricsPages
from sentire.distributed.options import DeploymentOptions
from sentire.distributed.replica import Replica
from sentire.errors import Closed


def actor(pages):
    """An actor's methods, as Ray has them."""

    def remote(method):
        async def call(*arguments):
            return method(*arguments)

        return SimpleNamespace(remote=call)

    return SimpleNamespace(**{name: remote(getattr(pages, name)) for name in ("put", "drop")})


def test_a_replica_that_ends_closes_its_models_and_leaves_the_page(monkeypatch, tiny_bundle):
    pages = MetricsPages(keep_s=60)
    context = SimpleNamespace(get_assigned_resources=dict)
    given = {
        "ray": SimpleNamespace(get_runtime_context=lambda: context),
        "ray.serve": SimpleNamespace(
            get_replica_context=lambda: SimpleNamespace(replica_tag="a"),
            get_deployment_actor=lambda _name: actor(pages),
        ),
    }
    monkeypatch.setattr(module, "import_extra", lambda name, **_: given[name])
    monkeypatch.setattr(module, "start_log", lambda *_, **__: None)  # the log of this process stays
    end = Replica.__del__
    monkeypatch.delattr(Replica, "__del__")  # Ray awaits it; Python's own end would not

    async def live():
        replica = Replica(DeploymentOptions(models=(str(tiny_bundle),)))
        await replica.check_health()
        await asyncio.sleep(0)  # its first page goes out
        assert pages.exchange("b", b"").keys() == {"a", "b"}
        await end(replica)
        assert pages.exchange("b", b"").keys() == {"b"}
        with pytest.raises(Closed):
            await replica.check_health()

    asyncio.run(live())
    gc.collect()
