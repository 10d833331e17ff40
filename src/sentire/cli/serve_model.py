"""``sentire serve-model``: the model service alone, for other programs."""

from typing import Any

import click

from sentire.cli.serving import serve_until_stopped, serving_options

PORT = 5000

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

_READY = """\
sentire is ready.
  API    {url}/docs
  model  {models}
Stop it with Ctrl-C."""


@click.command("serve-model", epilog=_EXAMPLES)
@serving_options(PORT)
def serve_model(**options: Any) -> None:
    """Serve models to other programs: prediction, health, documentation, no page.

    A new version at a model's place is loaded, checked and exchanged while the old one serves.
    Stops in good order at Ctrl-C or SIGTERM.
    """
    serve_until_stopped("sentire.service.app", _READY, default_port=PORT, **options)
