"""``sentire keys``: the file with the hashes of the keys that a server takes."""

from pathlib import Path

import click

from sentire.atomic import write_file
from sentire.errors import OptionError

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


@click.command(epilog=_EXAMPLES)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--add", metavar="NAME", help="Make a key for NAME and print it.")
@click.option("--remove", metavar="NAME", help="Take out all keys of NAME.")
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    help="Texts a second.  [default: the server's]",
)
@click.option("--admin", is_flag=True, help="The key may load and unload models.")
def keys(file: Path, add: str | None, remove: str | None, rate: float | None, admin: bool) -> None:
    """Make, list and remove the keys that a server asks for.

    A running server takes the changed file within a second. To exchange a key, add a second one of
    the same name, hand it out, and then delete the line of the first.
    """
    from sentire.web.keys import new_key, read_key_text, read_keys

    if add is not None and remove is not None:
        raise click.UsageError("--add and --remove are two steps; take one.")
    if add is None and (rate is not None or admin):
        raise click.UsageError("--rate and --admin are for --add.")
    if add is not None:
        presented, key = new_key(add, rate=rate, admin=admin)
        known = read_key_text(file) if file.exists() else ""
        if any(line.strip() and not line.lstrip().startswith("#") for line in known.splitlines()):
            read_keys(file)  # a file of anything else is not written into
        _write(file, known + ("" if known.endswith("\n") or not known else "\n") + key.line())
        click.echo(presented)
        click.echo("This is the only time that the key is shown.", err=True)
        return
    if not file.exists():
        raise OptionError(
            f"key file {file}: No such file. Make it with its first key: "
            f"sentire keys {file} --add NAME"
        )
    known_keys = read_keys(file)
    if remove is None:
        for key in known_keys:
            limit = f"{key.rate:g} texts/s" if key.rate is not None else "-"
            click.echo(f"{key.name}\t{limit}\t{'admin' if key.admin else '-'}")
        return
    lines = read_key_text(file).splitlines(keepends=True)
    left = [line for line in lines if not line.strip().startswith(f"{remove}:")]
    if len(left) == len(lines):
        names = ", ".join(dict.fromkeys(key.name for key in known_keys))
        raise OptionError(f"key file {file} has no key of {remove!r}. It has: {names or 'none'}.")
    _write(file, "".join(left))


def _write(file: Path, text: str) -> None:
    """Replace the file as a whole: a server may read it at this moment."""
    try:
        write_file(file, text.encode(), mode=0o600)
    except OSError as error:
        raise OptionError(f"key file {file}: {error.strerror}.") from None
