"""``sentire quantize``: an FP32 model becomes an INT8 bundle, within limits that are measured."""

from pathlib import Path
from typing import Any

import click

from sentire.cli.assembling import assembling_options
from sentire.cli.data import OPTIONS, data_options

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


@click.command(epilog=_EXAMPLES)
@click.argument("source", metavar="BUNDLE", type=click.Path(path_type=Path))
@assembling_options
@data_options
@click.option("--name", metavar="N", help="Name of the new bundle.  [default: as it was]")
@click.option("--bundle-version", metavar="V", help="Its version.  [default: as it was]")
def quantize(source: Path, output: Path, **options: Any) -> int:
    """Make an FP32 model INT8, and prove what that costs.

    BUNDLE is a bundle whose graph is FP32, or a folder with model.onnx, tokenizer.json and
    config.json. Where INT8 loses more than the gate, the layers that hurt stay in FP32 until it
    holds; the report names them. Without --data, the answers to the calibration texts may hardly
    move, and the bundle says that nobody has measured it.
    """
    from sentire.cli.assembling import (
        Stages,
        limits_of,
        read_texts,
        report,
        require_extra,
        unbroken,
    )
    from sentire.cli.data import sources
    from sentire.evaluation.datasets import Source, read_dataset
    from sentire.export.place import check_output
    from sentire.io.protection import refuse_inputs

    # What is quickly refused is refused before the large libraries are loaded.
    reading = {name: options.pop(name) for name in OPTIONS}
    listed = sources(options["data"], Source, **reading)
    read = [source, *options["data"], *(each.file for each in listed)]
    check_output(output, force=options["force"])
    refuse_inputs([output], [*read, *filter(None, [options["calibration"]])])
    dev = [read_dataset(each) for each in listed]
    calibration = read_texts(options["calibration"])
    require_extra(learning=False)
    from sentire.export.assemble import Options, assemble
    from sentire.export.folder import Naming, draft_of

    manifest = draft_of(source, Naming(name=options["name"], version=options["bundle_version"]))

    def work(stages: Stages) -> None:
        made = assemble(
            source,
            manifest,
            output,
            dev=dev,
            calibration=calibration,
            options=Options(
                limits=limits_of(options["gate"], options["gate_set"]), force=options["force"]
            ),
            progress=stages,
        )
        click.echo(report(made))

    return unbroken(work)
