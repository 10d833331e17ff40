"""The blocking client and the asynchronous one as if they were one."""

import asyncio

from sentire.client import AsyncClient, Client


class Both:
    """Calls the blocking client and the asynchronous one, and finds that they say the same."""

    def __init__(self, *urls, **options):
        self.urls, self.options = urls, options

    def analyze(self, text, **wanted):
        with Client(self.urls, **self.options) as client:
            first = self._outcome(lambda: client.analyze(text, **wanted))

        async def second():
            async with AsyncClient(self.urls, **self.options) as client:
                return await client.analyze(text, **wanted)

        other = self._outcome(lambda: asyncio.run(second()))
        assert (type(first), str(first)) == (type(other), str(other))
        if isinstance(first, Exception):
            raise first
        return first

    def analyze_many(self, texts, **wanted):
        with Client(self.urls, **self.options) as client:
            first = list(client.analyze_many(iter(texts), **wanted))

        async def second():
            async with AsyncClient(self.urls, **self.options) as client:
                return [record async for record in client.analyze_many(iter(texts), **wanted)]

        assert asyncio.run(second()) == first
        return first

    @staticmethod
    def _outcome(ask):
        try:
            return ask()
        except Exception as error:
            return error
