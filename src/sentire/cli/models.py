"""``sentire models``: the group, and its commands that look at models."""

from pathlib import Path

import click

from sentire.cli.deferred import DeferredCommand
from sentire.cli.models_registry import gc, history, promote, pull, push, rollback

_EXAMPLES = """
\b
Examples:
  sentire models list                             the packaged models
  sentire models push ./my-bundle /models
  sentire models promote /models/shop@1.2.0 --alias production --reason "better on returns"
  sentire models list s3://team/models
  sentire models diff zh-en /models/shop@production
  sentire serve-model --model /models/shop@production

\b
例子:
  sentire models push ./my-bundle /models         把模型放进仓库；版本不可改
  sentire models rollback /models/shop@production 别名退回上一个版本
"""

_REGISTRY = """A REGISTRY is a directory, s3://BUCKET/PATH, or oci://HOST/PATH (oci+http:// where
the host has no TLS). A MODEL is REGISTRY/NAME@VERSION, REGISTRY/NAME@ALIAS, hf://ORG/NAME, a
bundle's folder, or a packaged model's name."""


@click.group(epilog=_EXAMPLES, help=f"Keep models and their versions in a registry.\n\n{_REGISTRY}")
def models() -> None:
    """Keep models and their versions in a registry."""


_LIST_EXAMPLES = """
\b
Examples:
  sentire models list                                the packaged models
  sentire models list /models
  sentire models list s3://team/models shop --json   只看一个模型
"""


@click.command(
    "list",
    cls=DeferredCommand,
    work="sentire.cli.model_reports:list_models",
    epilog=_LIST_EXAMPLES,
)
@click.argument("registry", required=False)
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for programs.")
def list_models() -> None:
    """List the versions of all models in a registry, or of one.

    Without a REGISTRY, the models inside the package, which are in none.
    """


_INSPECT_EXAMPLES = """
\b
Examples:
  sentire models inspect                                  the packaged model
  sentire models inspect /models/shop@production --json   机器可读
"""


@click.command(
    cls=DeferredCommand, work="sentire.cli.model_reports:inspect", epilog=_INSPECT_EXAMPLES
)
@click.argument("model", required=False)
@click.option("--json", "as_json", is_flag=True, help="The manifest, as it lies in the bundle.")
def inspect() -> None:
    """Tell what a model is: labels, languages, size, figures.

    Without a MODEL, the packaged one that sentire uses by default.
    """


_VERIFY_EXAMPLES = """
\b
Examples:
  sentire models verify                the packaged models
  sentire models verify /models/shop@1.2.0
  sentire models verify ./my-bundle   校验文件和标准句
"""


@click.command(
    cls=DeferredCommand, work="sentire.cli.model_reports:verify", epilog=_VERIFY_EXAMPLES
)
@click.argument("models", metavar="[MODEL]...", nargs=-1)
@click.option("--engine", default="openvino", show_default=True, help="For bundles on this disk.")
def verify() -> None:
    """Check every byte of models against their manifests.

    A model in a registry is read where it lies. A bundle on this disk is loaded as well, and has to
    give the answers to its golden sentences that it promises. Without a MODEL, the packaged ones
    are checked.
    """


_DIFF_EXAMPLES = """
\b
Examples:
  sentire models diff /models/shop@production /models/shop@1.2.0 --texts reviews.csv
  sentire models diff zh-en ./my-bundle   比较两个模型
"""


@click.command(cls=DeferredCommand, work="sentire.cli.model_comparison:diff", epilog=_DIFF_EXAMPLES)
@click.argument("a")
@click.argument("b")
@click.option(
    "--texts",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Sentences to ask both, of any input format.  [default: packaged sentences]",
)
@click.option("--engine", default="openvino", show_default=True, help="What runs the models.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def diff() -> None:
    """Compare two models: what they are, and what they answer.

    The figures are those that the bundles bear; the answers are asked for now.
    """


for _command in (list_models, inspect, verify, pull, push, promote, rollback, history, diff, gc):
    models.add_command(_command)
