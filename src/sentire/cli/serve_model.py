"""``sentire serve-model``: the model service alone, for other programs."""

import click

from sentire.cli.deferred import DeferredCommand
from sentire.cli.interrupts import exit_when_stopped
from sentire.cli.server_options import SERVICE_PORT, serving_options

_EXAMPLES = """
\b
Examples:
  sentire serve-model
  sentire serve-model --model ./my-bundle --model zh-en
  sentire serve-model --model live=/models/current --host 0.0.0.0 --open
Then: curl http://127.0.0.1:5000/predict -H 'Content-Type: application/json' -d '{"text": "Great!"}'

\b
例子:
  sentire serve-model --model 客服.txt          文件里写着模型目录；改写它，模型就换，请求不断
  curl http://127.0.0.1:5000/predict -H 'Content-Type: application/json' -d '{"text": "很好用"}'
"""


@click.command(
    "serve-model",
    cls=DeferredCommand,
    work="sentire.cli.servers:serve_model",
    before=exit_when_stopped,
    epilog=_EXAMPLES,
)
@serving_options(SERVICE_PORT)
def serve_model() -> None:
    """Serve models to other programs: prediction, health, documentation, no page.

    A new version at a model's place is loaded, checked and exchanged while the old one serves.
    Stops in good order at Ctrl-C or SIGTERM.
    """
