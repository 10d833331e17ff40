"""``sentire train``: labelled texts in, a bundle out."""

import click

from sentire.cli.data import data_options
from sentire.cli.deferred import DeferredCommand
from sentire.cli.training_options import LEARNING, learning_options

_EXAMPLES = """
\b
Examples:
  sentire train reviews.csv -o mine                    start from the built-in model
  sentire train reviews.csv --backbone e5-small -o mine
  sentire train a.jsonl b.parquet --dev dev.csv -o mine   be judged by texts of your own
  sentire train data.csv --label-column stars -o mine     1 to 5 stars
  sentire train data.csv --label 0=negative --label 1=positive -o mine
  sentire train mixture.toml --data-root data -o mine  many sources, each with its own options
  sentire train reviews.csv -o mine --resume           go on after an interruption

\b
例子:
  sentire train 评论.csv --text-column 评论 --label-column 情感 -o 我的模型 --name mine
  sentire train 微博.csv --head emotion -o 情绪模型 --name moods

The result is a bundle: quantized to INT8, calibrated, measured and self-tested. Serve it with
sentire serve --model BUNDLE.
"""


@click.command(
    cls=DeferredCommand, work="sentire.cli.runs:train", extras=LEARNING, epilog=_EXAMPLES
)
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option(
    "--backbone",
    metavar="B",
    default="zh-en",
    show_default=True,
    help="Where learning starts: e5-small, a bundle's name or folder, a folder in Hugging Face "
    "layout, or a name on the Hub.",
)
@click.option("--layers", metavar="0,2,…", help="Layers of the backbone to keep.  [default: all]")
@click.option(
    "--vocabulary",
    type=click.IntRange(1000),
    metavar="N",
    help="Pieces of the backbone's vocabulary to keep.  [default: all]",
)
@click.option(
    "--topic-rows",
    type=click.IntRange(0),
    default=60_000,
    show_default=True,
    help="Texts that the embedding learns topics from; 0 makes no embedding.",
)
@click.option(
    "--balance",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="How far rare classes count more; at 1 each class counts the same.",
)
@data_options
@learning_options
def train() -> None:
    """Fine-tune a pretrained encoder on labelled texts.

    DATA is CSV, TSV, Excel, JSON, JSON Lines or Parquet with a column of texts and one of labels, a
    database's URL, or a .toml that lists several of them. Two-class, three-class and five-level
    data may be mixed: rows of a two-class file say nothing about neutral.
    """
