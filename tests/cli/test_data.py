"""The options that say how labelled inputs are read."""

import click
from click.testing import CliRunner

from sentire.cli.data import data_options
from sentire.jobs.sources import ReadOptions


def test_the_command_line_hands_over_the_names_that_are_promised():
    handed = {}

    @click.command()
    @data_options
    def command(**options):
        handed.update(options)

    words = ["--head", "emotion", "--label", "a=joy", "--label", "b=-", "--data-root", "x"]
    assert CliRunner().invoke(command, words).exit_code == 0
    assert set(handed) == set(ReadOptions.__struct_fields__)
    assert (handed["head"], handed["label"]) == ("emotion", ("a=joy", "b=-"))
