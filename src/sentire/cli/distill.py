"""``sentire distill``: a small model that answers as a large one does."""

from pathlib import Path
from typing import Any

import click

from sentire.cli.data import data_options
from sentire.cli.learning import learning_options, numbers_of, require_extras

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


@click.command(epilog=_EXAMPLES)
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
def distill(data: tuple[str, ...], **options: Any) -> None:
    """Train a small model to answer as trained networks do.

    DATA is what sentire train takes: labelled texts, of which the labels count a little and the
    teacher's answers much.
    """
    require_extras()
    import msgspec

    from sentire.cli import runs
    from sentire.errors import OptionError
    from sentire.training.backbone import open_backbone
    from sentire.training.distill import Distillation
    from sentire.training.run import prune_vocabulary
    from sentire.training.students import Tutor, layers_of
    from sentire.training.students import distill as run_distillation
    from sentire.training.trained import load_trained

    taught = [given.partition("=")[0] for given in options["teachers"]]
    others = [*taught, *options["unlabelled"], options["backbone"], options["topics"]]
    wanted = runs.wanted_bundle(options, description="Distilled.", inputs=others)
    tutors = []
    for given in options["teachers"]:
        folder, _, languages = given.partition("=")
        tutors.append(
            Tutor(load_trained(Path(folder)), tuple(languages.split(",")) if languages else ())
        )
    layers, name = numbers_of("--layers", options["layers"]), options["backbone"]
    if name is None and options["vocabulary"] is not None:
        raise OptionError(
            "--vocabulary goes with --backbone; a teacher's layers keep its vocabulary"
        )
    student = (
        layers_of(tutors[0].trained, layers)
        if name is None
        else open_backbone(name).shrink(layers, None)
    )
    found = runs.read_data(data, options, unlabelled=options["unlabelled"])
    job = runs.new_job(found, options)
    if options["vocabulary"] is not None:
        student, pruned = prune_vocabulary(
            student, found.rows, job.text, size=options["vocabulary"]
        )
        click.echo(pruned.summary(), err=True)
    weights = {key: options[key] for key in ("temperature", "hard", "hidden")}
    try:
        settings = msgspec.convert(
            {key: value for key, value in weights.items() if value is not None}, Distillation
        )
    except msgspec.ValidationError as error:
        raise OptionError(f"--temperature, --hard, --hidden: {error}") from None
    topics = None if options["topics"] is None else open_backbone(options["topics"])
    with runs.watched(job) as watched:
        trained = run_distillation(
            watched,
            student,
            tutors,
            settings,
            name=name or tutors[0].trained.record.backbone,
            topics_from=topics,
        )
    runs.finish(trained, wanted, found, bundle=not options["no_bundle"])
