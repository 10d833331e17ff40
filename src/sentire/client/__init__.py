"""Ask a running server from Python: retries, several servers, large lists in order.

>>> from sentire.client import Client  # doctest: +SKIP
>>> with Client("http://127.0.0.1:8080") as client:
...     client.analyze("很好用").label
'positive'
"""

from sentire.client.asynchronous import AsyncClient
from sentire.client.exchange import RetryPolicy
from sentire.client.synchronous import Client

__all__ = ["AsyncClient", "Client", "RetryPolicy"]
