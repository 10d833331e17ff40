"""``sentire quantize``: an FP32 model becomes an INT8 bundle, within limits that are measured."""

from pathlib import Path

import click

from sentire.cli.bundle_options import MAKING, assembling_options
from sentire.cli.data import data_options
from sentire.cli.deferred import DeferredCommand

_EXAMPLES = """
\b
Examples:
  sentire quantize ./fp32 -o ./int8 --data dev.toml          with the gate, on your data
  sentire quantize ./fp32 -o ./int8 --data reviews.csv --gate 0.5
  sentire quantize ./fp32 -o ./int8 --calibration texts.txt  without labels: answers may hardly move
  sentire quantize ./onnx-folder -o ./int8 --name shop       model.onnx, tokenizer.json, config.json

\b
例子:
  sentire quantize ./fp32 -o ./int8 --data 标注.csv           用标注数据检验量化损失
  sentire quantize ./fp32 -o ./int8 --calibration 文本.txt    用无标注文本校准
"""


@click.command(
    cls=DeferredCommand,
    work="sentire.cli.assembly:quantize",
    extras=(MAKING,),
    epilog=_EXAMPLES,
)
@click.argument("source", metavar="BUNDLE", type=click.Path(path_type=Path))
@assembling_options
@data_options
@click.option("--name", metavar="N", help="Name of the new bundle.  [default: as it was]")
@click.option("--bundle-version", metavar="V", help="Its version.  [default: as it was]")
def quantize() -> None:
    """Make an FP32 model INT8, and prove what that costs.

    BUNDLE is a bundle whose graph is FP32, or a folder with model.onnx, tokenizer.json and
    config.json. Where INT8 loses more than the gate, the layers that hurt stay in FP32 until it
    holds; the report names them. Without --data, the answers to the calibration texts may hardly
    move, and the bundle says that nobody has measured it.
    """
