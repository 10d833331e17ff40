"""Help can be read, shows examples, and finds the command or option that was meant."""

import re
import subprocess
import sys

import click
import pytest

from sentire.cli.commands import commands


def tree(command, *words):
    """Every command below one, with the words that lead to it."""
    yield pytest.param(command, words, id=" ".join(words))
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from tree(command.get_command(context, name), *words, name)


def sentire(*words):
    return subprocess.run(
        [sys.executable, "-m", "sentire", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(("command", "words"), list(tree(commands, "sentire")))
def test_every_page_of_help_has_examples_in_both_languages_and_short_lines(command, words):
    context = click.Context(command, info_name=" ".join(words), terminal_width=80)
    lines = command.get_help(context).splitlines()
    below = lines[lines.index("  Examples:") :]
    assert any(line.startswith(f"    {' '.join(words)}") for line in below)
    assert re.search("[一-龥]", "".join(below))
    assert [line for line in lines if len(line) > 105] == []
    explained = [p.name for p in command.params if isinstance(p, click.Option) and not p.help]
    assert explained == []


@pytest.mark.parametrize("words", [[], ["models"]], ids=["sentire", "sentire models"])
def test_a_group_alone_shows_its_help_as_a_page(words):
    asked, alone = sentire(*words, "--help"), sentire(*words)
    assert (asked.returncode, asked.stderr) == (0, "")
    assert (alone.returncode, alone.stdout) == (2, "")
    assert alone.stderr == asked.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["analize"], "'analyze'", id="command"),
        pytest.param(["servemodel"], "'serve-model'", id="dash"),
        pytest.param(["models", "lst"], "Did you mean 'list'?", id="command of a group"),
        pytest.param(["promote"], "Did you mean 'sentire models promote'?", id="in a group"),
        pytest.param(["太差了"], "sentire analyze '太差了'", id="a text"),
        pytest.param(["analyze", "--modle", "m", "a"], "'--model'", id="option"),
        pytest.param(["models", "gc", "--dayz", "3", "r"], "'--days'", id="option in a group"),
    ],
)
def test_a_misspelt_word_is_answered_with_the_nearest(words, said):
    done = sentire(*words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
