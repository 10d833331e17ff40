"""The list of commands; each is imported when it is asked for, its work when it is called."""

import shlex
from keyword import iskeyword
from pkgutil import resolve_name

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

_HELP = "Sentiment analysis for Chinese and English that you run yourself."
_EXAMPLES = """
\b
Examples:
  sentire analyze "I love it" "服务太差了"
  sentire analyze -i reviews.csv -o scored.parquet
  sentire serve                                    page and API at http://127.0.0.1:8080
  sentire COMMAND --help                           options and examples of a command

\b
例子:
  sentire analyze -i 评论.csv --text-column 评论 -o 结果.csv
  sentire serve                                    打开 http://127.0.0.1:8080

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
        command = resolve_name(f"{_COMMANDS[cmd_name][0]}:{function}")
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            word = error.command_name
            # click compares with the commands that were added, and here none is.
            near = click.NoSuchCommand(word, possibilities=_COMMANDS, ctx=ctx)
            if near.possibilities:
                raise near from None
            raise click.UsageError(f"{error.message} {self._hint(ctx, word)}", ctx) from None

    def _hint(self, ctx: click.Context, word: str) -> str:
        """Say where a word belongs that is like no command of this group."""
        for name in ("models",):
            group = self.get_command(ctx, name)
            if isinstance(group, click.Group) and word in group.commands:
                return f"Did you mean 'sentire {name} {word}'?"
        return f"To score a text: sentire analyze {shlex.quote(word)}."

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.group(
    cls=_LazyGroup,
    help=_HELP,
    epilog=_EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="sentire", message="sentire %(version)s")
def commands() -> None:
    """All commands."""
