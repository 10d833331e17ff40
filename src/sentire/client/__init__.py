"""Ask a running server from Python: retries, several servers, large lists in order.

>>> from sentire.client import Client  # doctest: +SKIP
>>> with Client("http://127.0.0.1:8080") as client:
...     client.analyze("很好用").label
'positive'
"""

from sentire.client.clients import AsyncClient, Client
from sentire.client.exchange import RetryPolicy

__all__ = ["AsyncClient", "Client", "RetryPolicy"]
