import asyncio

import httpx
import pytest

from sentire.errors import OptionError
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.serving.factory import open_cache, open_models
from sentire.serving.settings import CacheSettings
from sentire.web.settings import ServerSettings
from servers import running
from valkeyserver import free_port, valkey


def settings_for(bundle, **cache):
    return Settings(
        model=str(bundle), server=ServerSettings(access_log=False), cache=CacheSettings(**cache)
    )


def test_the_settings_open_models_that_are_warm(tiny_bundle):
    settings = Settings(model=f"one={tiny_bundle}", models=(f"two={tiny_bundle}",))
    with open_models(settings) as models:
        assert [(state.name, state.state) for state in models.listed()] == [
            ("one", "ready"),
            ("two", "ready"),
        ]
        assert models.cache is not None


def test_a_cache_of_nothing_is_none():
    assert open_cache(CacheSettings(bytes=0)) is None
    with pytest.raises(OptionError, match=r"cache\.url"):
        open_cache(CacheSettings(url="no url"))


def test_two_services_share_their_answers_and_need_no_cache_server(tiny_bundle):
    port = free_port()
    url = f"redis://127.0.0.1:{port}"
    settings = settings_for(tiny_bundle, url=url, bytes=0, retry_s=0.01, timeout_s=1.0)
    with (
        valkey(port),
        open_models(settings) as first,
        open_models(settings) as second,
        running(create_app(first, settings)) as first_url,
        running(create_app(second, settings)) as second_url,
    ):
        body = {"texts": ["I love this", "太差了", "", "I love this"]}
        expected = httpx.post(f"{first_url}/predict", json=body).json()
        while second.cache.counts.shared == 0:
            answer = httpx.post(f"{second_url}/predict", json=body)
            assert answer.json() == expected
        assert second.cache.counts.shared == 2

    with open_models(settings) as models, running(create_app(models, settings)) as alone_url:

        async def ask(client, n):
            answers = await asyncio.gather(
                *(client.post("/predict", json={"text": f"text {n} {k}"}) for k in range(20))
            )
            assert [answer.status_code for answer in answers] == [200] * 20
            assert [a.json()["text"] for a in answers] == [f"text {n} {k}" for k in range(20)]

        async def main():
            async with httpx.AsyncClient(base_url=alone_url, timeout=30) as client:
                await ask(client, 0)
                with valkey(port):
                    for n in range(1, 4):
                        await ask(client, n)
                await ask(client, 4)

        asyncio.run(main())
