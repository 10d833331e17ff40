"""``sentire serve``: page, API and model in one process, or in front of model services."""

import click

from sentire.cli.deferred import DeferredCommand
from sentire.cli.interrupts import exit_when_stopped
from sentire.cli.server_options import GATEWAY_PORT, serving_options

_EXAMPLES = """
\b
Examples:
  sentire serve
  sentire serve --port 9000 --model ./my-bundle
  sentire serve --host 0.0.0.0 --keys keys.txt --config sentire.toml
  sentire serve --model-url http://127.0.0.1:5000
  SENTIRE_LIMITS_TEXTS=200 sentire serve

\b
Then, from anywhere on this machine:
  curl http://127.0.0.1:8080/analyze -H 'Content-Type: application/json' -d '{"text": "很好用"}'

\b
例子:
  sentire serve --model ./我的模型                      用自己的模型
  sentire serve --host 0.0.0.0 --keys keys.txt          让其他机器访问，需要密钥
"""


@click.command(
    cls=DeferredCommand,
    work="sentire.cli.servers:serve",
    before=exit_when_stopped,
    epilog=_EXAMPLES,
)
@serving_options(GATEWAY_PORT)
@click.option(
    "--model-url",
    "model_urls",
    metavar="URL",
    multiple=True,
    help="Load no model, and ask the model service there (sentire serve-model); may be given "
    "several times, for services with the same models.",
)
def serve() -> None:
    """Serve the web page, the API and the models from one process.

    Stops in good order at Ctrl-C or SIGTERM.
    """
