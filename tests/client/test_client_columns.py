"""Both clients take columns of texts, and refuse what holds none."""

import asyncio

import pyarrow
import pytest

from sentire.client import AsyncClient, Client
from sentire.service.app import create_app
from sentire.service.settings import Settings
from sentire.web.settings import ServerSettings
from servers import running

pandas = pytest.importorskip("pandas", reason="pandas is not installed")
polars = pytest.importorskip("polars", reason="polars is not installed")

TEXTS = ["很好用", None, "Terrible."]


@pytest.fixture(scope="module")
def url(tiny_models):
    with running(create_app(tiny_models, Settings(server=ServerSettings(access_log=False)))) as url:
        yield url


def many(url, texts):
    with Client(url) as client:
        return list(client.analyze_many(texts))


def many_asynchronously(url, texts):
    async def ask():
        async with AsyncClient(url) as client:
            return [answer async for answer in client.analyze_many(texts)]

    return asyncio.run(ask())


def together(url, texts):
    async def ask():
        async with AsyncClient(url) as client:
            return await client.analyze_together(texts)

    return asyncio.run(ask())


CALLS = pytest.mark.parametrize("ask", [many, many_asynchronously, together])


@CALLS
@pytest.mark.parametrize(
    "texts",
    [
        pytest.param("很好用", id="str"),
        pytest.param({"text": "很好用"}, id="mapping"),
        pytest.param(pandas.DataFrame({"text": TEXTS}), id="pandas"),
        pytest.param(polars.DataFrame({"text": TEXTS}), id="polars"),
        pytest.param(pyarrow.table({"text": TEXTS}), id="Arrow"),
    ],
)
def test_letters_keys_and_column_names_are_never_sent(url, ask, texts):
    with pytest.raises(TypeError, match=r"analyze_(many|together)"):
        ask(url, texts)


@CALLS
@pytest.mark.parametrize(
    "column",
    [
        pytest.param(pandas.Series(TEXTS), id="pandas"),
        pytest.param(polars.Series(TEXTS), id="polars"),
        pytest.param(pyarrow.array(TEXTS), id="Arrow"),
        pytest.param(list(pyarrow.array(TEXTS)), id="Arrow, scalars"),
    ],
)
def test_a_column_is_scored_as_its_list_is(url, tiny_analyzer, ask, column):
    found = ask(url, column)
    assert found[::2] == list(tiny_analyzer.analyze_many(TEXTS[::2]))
    assert found[1].error.code == "not_text"


def test_the_refusal_comes_from_the_call_and_not_from_the_first_answer(url):
    with Client(url) as client, pytest.raises(TypeError):
        client.analyze_many("很好用")


def test_a_scalar_of_arrow_is_one_text(url, tiny_analyzer):
    with Client(url) as client:
        assert client.analyze(pyarrow.scalar("很好用")) == tiny_analyzer.analyze("很好用")
