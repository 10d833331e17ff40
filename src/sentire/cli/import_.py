"""``sentire import``: a checkpoint made by somebody else becomes a bundle."""

import click

from sentire.cli.bundle_options import EXPORTING, MAKING, assembling_options
from sentire.cli.deferred import DeferredCommand

_EXAMPLES = """
\b
Examples:
  sentire import ./my-bert -o ./bundle
  sentire import owner/name -o ./bundle --languages en      from the Hub, fetched once
  sentire import ./my-bert -o ./bundle --label LABEL_0=negative --label LABEL_1=positive
  sentire import ./my-bert -o ./bundle --data dev.csv       measured and calibrated as well

\b
例子:
  sentire import ./我的模型 -o ./模型包 --languages zh        只懂中文的模型
  sentire import ./我的模型 -o ./模型包 --label LABEL_1=positive --label LABEL_0=negative
"""


@click.command(
    "import",
    cls=DeferredCommand,
    work="sentire.cli.assembly:import_",
    extras=(MAKING, EXPORTING),
    epilog=_EXAMPLES,
)
@click.argument("checkpoint")
@assembling_options
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="NAME=LABEL",
    help="What a label of the checkpoint means; =- leaves it out. May be repeated.",
)
@click.option(
    "--languages",
    metavar="zh,en",
    help="Languages that the checkpoint knows.  [default: as its card says, else both]",
)
@click.option("--max-length", type=click.IntRange(1), help="Tokens read at once.")
@click.option("--fp32", is_flag=True, help="Leave the graph in FP32.")
@click.option("--name", metavar="N", help="Name of the bundle.  [default: that of the checkpoint]")
@click.option(
    "--bundle-version",
    metavar="V",
    default="1.0.0",
    show_default=True,
    help="Version of the bundle.",
)
@click.option("--licence", metavar="L", help="Its licence.  [default: as its card says]")
def import_() -> None:
    """Make a bundle of a sequence-classification checkpoint in Hugging Face layout.

    CHECKPOINT is a folder or a name on the Hub, with safetensors. Its labels are mapped by their
    names, or as --label says, and proved on clear sentences; where those contradict, it is refused.
    The ONNX graph is compared with PyTorch, then made INT8 like by "sentire quantize". Nothing that
    comes with a checkpoint is run.
    """
