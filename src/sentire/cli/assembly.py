"""The work of ``sentire import`` and ``sentire quantize``."""

from pathlib import Path
from typing import Any

import click

from sentire.cli.bundle_report import report
from sentire.cli.stages import Stages, unbroken
from sentire.errors import LabelsUnproven
from sentire.export.assemble import AssemblyOptions
from sentire.export.checkpoint_import import CheckpointOptions, ImportedCheckpoint
from sentire.export.folder import Naming
from sentire.export.gate import GateLimits
from sentire.export.proof import table_of
from sentire.jobs.imports import ImportOptions, import_checkpoint
from sentire.jobs.quantization import QuantizeOptions
from sentire.jobs.quantization import quantize as run_quantization
from sentire.jobs.sources import ReadOptions, label_meanings


def import_(checkpoint: str, output: Path, **options: Any) -> int:
    """Import with the options of the command line, and print the proofs and the figures.

    Parameters
    ----------
    checkpoint : folder or name on the Hub
    output : Path
        Folder of the new bundle.
    **options : those of ``sentire import``

    Returns
    -------
    Exit code.
    """
    import_options = ImportOptions(
        checkpoint=checkpoint,
        output=output,
        data=options["data"],
        calibration=options["calibration"],
        checkpoint_options=CheckpointOptions(
            labels=label_meanings(options["labels"]),
            languages=_languages(options["languages"]),
            max_length=options["max_length"],
            name=options["name"],
            version=options["bundle_version"],
            licence=options["licence"],
            assembly=_assembly(options, int8=not options["fp32"]),
        ),
    )

    def work(stages: Stages) -> None:
        click.echo(_import_report(import_checkpoint(import_options, progress=stages)))

    try:
        return unbroken(work)
    except LabelsUnproven as error:
        click.echo(error.table, err=True)
        raise


def quantize(source: Path, output: Path, **options: Any) -> int:
    """Quantize with the options of the command line, and print what it costs.

    Parameters
    ----------
    source : Path
        Folder with the FP32 graph.
    output : Path
        Folder of the new bundle.
    **options : those of ``sentire quantize``

    Returns
    -------
    Exit code.
    """
    quantize_options = QuantizeOptions(
        source=source,
        output=output,
        data=options["data"],
        reading=ReadOptions(**{name: options[name] for name in ReadOptions.__struct_fields__}),
        calibration=options["calibration"],
        naming=Naming(name=options["name"], version=options["bundle_version"]),
        assembly=_assembly(options, int8=True),
    )

    def work(stages: Stages) -> None:
        click.echo(report(run_quantization(quantize_options, progress=stages)))

    return unbroken(work)


def _assembly(options: dict[str, Any], *, int8: bool) -> AssemblyOptions:
    gate, gate_set = options["gate"], options["gate_set"]
    limits = GateLimits(
        language_points=gate, set_points=max(0.8, gate) if gate_set is None else gate_set
    )
    return AssemblyOptions(limits=limits, int8=int8, force=options["force"])


def _languages(given: str | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    return tuple(code.strip() for code in given.split(",") if code.strip())


def _import_report(made: ImportedCheckpoint) -> str:
    lines = [f"labels: {made.labels}", "", table_of(made.labels, made.probed), ""]
    lines += [
        f"{each.engine} differs from PyTorch by at most {max(each.alone, each.batched):.1e}"
        for each in made.parity
    ]
    return "\n".join([*lines, "", report(made.assembled)])
