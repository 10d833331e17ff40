"""``sentire evaluate``: how right a model is on labelled data, and where it is not."""

from pathlib import Path
from typing import get_args

import click

from sentire.cli.data import data_options
from sentire.cli.deferred import DeferredCommand
from sentire.types import Engine

_EXAMPLES = """
\b
Examples:
  sentire evaluate zh-en labelled.csv                    the built-in model on your data
  sentire evaluate zh-en dev.toml --html report.html     several sets, listed in a table
  sentire evaluate ./new labelled.csv --against zh-en    is the new one better, or luckier?
  sentire evaluate zh-en stars.csv --label 3=-           leave rows of three stars out
  sentire evaluate zh-en --behaviour                     negation, contrast, typos, emoji …

\b
例子:
  sentire evaluate zh-en 标注.csv                         用自己的标注数据评测内置模型
  sentire evaluate zh-en 标注.csv --label-column 情感 --label 好=positive --label 坏=negative
  sentire evaluate ./新模型 标注.csv --against zh-en --html 报告.html   与另一个模型比较
  sentire evaluate zh-en --behaviour                     行为测试：否定、转折、错别字、表情等

A .toml lists data: a [[sources]] table for each set, with file, and where needed head, text_column,
label_column, query, and labels = { "name in the data" = "label" }.

Exit codes: 0 all scored, 1 an error of ours, 2 wrong usage or data that can't be used, 3 done but
some texts could not be scored, 130 interrupted.
"""


@click.command(cls=DeferredCommand, work="sentire.cli.evaluation:evaluate", epilog=_EXAMPLES)
@click.argument("bundle")
@click.argument("data", nargs=-1, metavar="[DATA]...")
@data_options
@click.option(
    "--against", metavar="OTHER", help="Another model, compared on the same texts with a test."
)
@click.option("--behaviour", is_flag=True, help="Run the behavioural suite, which needs no data.")
@click.option(
    "--json",
    "json_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write everything as JSON.",
)
@click.option(
    "--html",
    "html_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write a page with plots, parts and mistakes. It holds texts of the data.",
)
@click.option("--force", is_flag=True, help="Replace reports that are there.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["table", "json"]),
    help="What goes to stdout.  [default: table on a terminal, json in a pipe]",
)
@click.option(
    "--engine",
    type=click.Choice(get_args(Engine)),
    default="openvino",
    show_default=True,
    help="What runs the model.",
)
def evaluate() -> None:
    """Measure a model on labelled data, through the engine that serves.

    BUNDLE is a model's name, name@version, or a bundle's folder. DATA are labelled files of the
    kinds that "analyze" reads, databases' URLs with --query, or a .toml that lists them. Accuracy,
    macro-F1, calibration and the rest come with 95 % intervals.
    """
