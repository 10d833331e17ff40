"""``sentire import``: a checkpoint made by somebody else becomes a bundle."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sentire.cli.assembling import assembling_options

if TYPE_CHECKING:
    from sentire.export.adopt import Adopted

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


@click.command("import", epilog=_EXAMPLES)
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
def import_(checkpoint: str, output: Path, **options: Any) -> int:
    """Make a bundle of a sequence-classification checkpoint in Hugging Face layout.

    CHECKPOINT is a folder or a name on the Hub, with safetensors. Its labels are mapped by their
    names, or as --label says, and proved on clear sentences; where those contradict, it is refused.
    The ONNX graph is compared with PyTorch, then made INT8 like by "sentire quantize". Nothing that
    comes with a checkpoint is run.
    """
    from sentire.cli.assembling import Stages, limits_of, read_texts, require_extra, unbroken
    from sentire.cli.data import sources
    from sentire.errors import LabelsUnproven
    from sentire.evaluation.datasets import Source, read_dataset
    from sentire.export.place import check_output

    # What is quickly refused is refused before the large libraries are loaded.
    check_output(output, force=options["force"])
    labels, languages = _pairs(options["labels"]), _languages(options["languages"])
    dev = [read_dataset(source) for source in sources(options["data"], Source)]
    calibration = read_texts(options["calibration"])
    require_extra(learning=True)
    from sentire.export.adopt import Wish, adopt
    from sentire.export.assemble import Options

    wish = Wish(
        labels=labels,
        languages=languages,
        max_length=options["max_length"],
        name=options["name"],
        version=options["bundle_version"],
        licence=options["licence"],
        assembly=Options(
            limits=limits_of(options["gate"], options["gate_set"]),
            int8=not options["fp32"],
            force=options["force"],
        ),
    )

    def work(stages: Stages) -> None:
        made = adopt(checkpoint, output, wish, dev=dev, calibration=calibration, progress=stages)
        click.echo(_report(made))

    try:
        return unbroken(work)
    except LabelsUnproven as error:
        click.echo(error.table, err=True)
        raise


def _pairs(given: tuple[str, ...]) -> dict[str, str]:
    """What each NAME=LABEL says; a name may hold an equals sign, a label does not."""
    from sentire.errors import OptionError

    pairs: dict[str, str] = {}
    for pair in given:
        name, equals, label = pair.rpartition("=")
        if not equals or not name.strip() or not label.strip():
            raise OptionError(f"--label {pair}: write NAME=LABEL, such as LABEL_1=positive")
        if name.strip() in pairs:
            raise OptionError(f"--label {name.strip()} is given twice")
        pairs[name.strip()] = label.strip()
    return pairs


def _languages(given: str | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    return tuple(code.strip() for code in given.split(",") if code.strip())


def _report(made: "Adopted") -> str:
    from sentire.cli.assembling import report
    from sentire.export.proof import table_of

    lines = [f"labels: {made.labels}", "", table_of(made.labels, made.probed), ""]
    lines += [
        f"{each.engine} differs from PyTorch by at most {max(each.alone, each.batched):.1e}"
        for each in made.parity
    ]
    return "\n".join([*lines, "", report(made.assembled)])
