"""The options that ``sentire import`` and ``sentire quantize`` share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sentire.cli.deferred import Extra

_Decorated = TypeVar("_Decorated", bound=Callable[..., Any])

MAKING = Extra("export", ("onnx", "onnxruntime"), "making a bundle", nncf=True)
EXPORTING = Extra("export", ("torch", "transformers", "onnxscript"), "making a bundle")


def assembling_options(command: _Decorated) -> _Decorated:
    """Add the options that say how INT8 is made and where the bundle goes."""
    options = (
        click.option("-o", "--output", required=True, type=click.Path(path_type=Path),
                     metavar="BUNDLE", help="Folder of the new bundle."),
        click.option("--data", multiple=True, metavar="DATA",
                     help="Labelled texts that the model has not learned from: a file, or a .toml "
                     "that lists them. May be repeated."),
        click.option("--calibration", type=click.Path(path_type=Path), metavar="FILE",
                     help="Texts like those that will be served; no labels are needed.  "
                     "[default: packaged sentences]"),
        click.option("--gate", type=click.FloatRange(0.0, 100.0), default=0.3, show_default=True,
                     help="Points that INT8 may lose on the mean of a language's data."),
        click.option("--gate-set", type=click.FloatRange(0.0, 100.0), metavar="POINTS",
                     help="Points that it may lose on one set.  [default: 0.8, or --gate]"),
        click.option("--force", is_flag=True, help="Replace a bundle that is there."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command
