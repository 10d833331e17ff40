"""``sentire keys``: the file with the hashes of the keys that a server takes."""

from pathlib import Path

import click

from sentire.cli.deferred import DeferredCommand

_EXAMPLES = """
\b
Examples:
  sentire keys keys.txt --add shop              prints the key, once; the file gets its hash
  sentire keys keys.txt --add board --rate 50   may ask for 50 texts a second
  sentire keys keys.txt --add deploy --admin    may load and unload models
  sentire keys keys.txt                         lists the names
  sentire keys keys.txt --remove shop
  sentire serve --host 0.0.0.0 --keys keys.txt

\b
例子:
  sentire keys keys.txt --add kefu              打印一次密钥，文件里只存它的哈希
"""


@click.command(cls=DeferredCommand, work="sentire.cli.key_file:keys", epilog=_EXAMPLES)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--add", metavar="NAME", help="Make a key for NAME and print it.")
@click.option("--remove", metavar="NAME", help="Take out all keys of NAME.")
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    help="Texts a second.  [default: the server's]",
)
@click.option("--admin", is_flag=True, help="The key may load and unload models.")
def keys() -> None:
    """Make, list and remove the keys that a server asks for.

    A running server takes the changed file within a second. To exchange a key, add a second one of
    the same name, hand it out, and then delete the line of the first.
    """
