"""``sentire distill``: a small model that answers as a large one does."""

import click

from sentire.cli.data import data_options
from sentire.cli.deferred import DeferredCommand
from sentire.cli.training_options import LEARNING, learning_options

_EXAMPLES = """
\b
Examples:
  sentire distill data.csv --teacher big.training --layers 0,2,4,7,9,11 -o small
  sentire distill data.csv --teacher big.training --unlabelled chats.txt -o small
  sentire distill data.csv --teacher zh.training=zh --teacher en.training=en --layers 0,2,4 -o s
  sentire distill mixture.toml --data-root data --teacher big.training --topics e5-small -o small

\b
例子:
  sentire distill 评论.csv --teacher 大模型.training --layers 0,2,4 -o 小模型 --name small

A teacher is what sentire train leaves beside its bundle, in BUNDLE.training.
"""


@click.command(
    cls=DeferredCommand, work="sentire.cli.runs:distill", extras=LEARNING, epilog=_EXAMPLES
)
@click.argument("data", nargs=-1, required=True, metavar="DATA...")
@click.option(
    "--teacher",
    "teachers",
    multiple=True,
    required=True,
    metavar="FOLDER[=LANGUAGES]",
    help="A trained network, and the languages it teaches, such as zh,en.  [default: all]",
)
@click.option(
    "--backbone",
    metavar="B",
    help="Where the student starts.  [default: layers of the first teacher]",
)
@click.option("--layers", metavar="0,2,…", help="Layers that the student takes.  [default: all]")
@click.option(
    "--vocabulary",
    type=click.IntRange(1000),
    metavar="N",
    help="Pieces of the backbone's vocabulary to keep; goes with --backbone.",
)
@click.option(
    "--unlabelled",
    multiple=True,
    metavar="FILE",
    help="Further texts to imitate the teacher on. May be repeated.",
)
@click.option(
    "--topics",
    metavar="B",
    help="Backbone whose idea of topics the embedding imitates, such as e5-small.  "
    "[default: no embedding]",
)
@click.option(
    "--topic-rows",
    type=click.IntRange(1),
    default=60_000,
    show_default=True,
    help="Texts that the embedding learns topics from.",
)
@click.option("--temperature", type=click.FLOAT, help="Of the teacher's answers.  [default: 2]")
@click.option("--hard", type=click.FLOAT, help="Weight of the texts' own labels.  [default: 0.3]")
@click.option(
    "--hidden", type=click.FLOAT, help="Weight of the teacher's last layer.  [default: 1]"
)
@data_options
@learning_options
def distill() -> None:
    """Train a small model to answer as trained networks do.

    DATA is what sentire train takes: labelled texts, of which the labels count a little and the
    teacher's answers much.
    """
