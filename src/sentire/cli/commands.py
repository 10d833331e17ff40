"""The list of commands; each is imported when it is asked for, its work when it is called."""

from importlib import import_module
from keyword import iskeyword

import click

_COMMANDS = {
    "analyze": ("sentire.cli.analyze", "Score texts, files and databases."),
    "distill": ("sentire.cli.distill", "Train a small model to answer as a large one does."),
    "doctor": ("sentire.cli.doctor", "Tell what is wrong on this machine, and what to do."),
    "evaluate": ("sentire.cli.evaluate", "Measure a model on labelled data."),
    "import": ("sentire.cli.import_", "Make a bundle of somebody else's checkpoint."),
    "keys": ("sentire.cli.keys", "Make, list and remove the keys that a server asks for."),
    "models": ("sentire.cli.models", "Keep models and their versions in a registry."),
    "quantize": ("sentire.cli.quantize", "Make an FP32 model INT8, within measured limits."),
    "serve": ("sentire.cli.serve", "Serve the web page, the API and the model."),
    "serve-model": ("sentire.cli.serve_model", "Serve models to other programs, without the page."),
    "train": ("sentire.cli.train", "Fine-tune a model on labelled texts."),
}

_HELP = """Sentiment analysis for Chinese and English that you run yourself.

\b
  sentire analyze "I love it" "服务太差了"
  sentire analyze -i reviews.csv -o scored.parquet
  sentire serve

Exit codes: 0 all scored, 1 an error of ours, 2 wrong usage or an input that can't be read,
3 done but some rows carry errors, 130 interrupted.
"""


class _LazyGroup(click.Group):
    """A group that knows its commands' names and lines of help without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in _COMMANDS:
            return None
        function = cmd_name.replace("-", "_") + "_" * iskeyword(cmd_name)
        command = getattr(import_module(_COMMANDS[cmd_name][0]), function)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.group(cls=_LazyGroup, help=_HELP, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sentire", message="sentire %(version)s")
def commands() -> None:
    """All commands."""
