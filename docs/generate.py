"""Write what the documentation takes from the code, so that the two can't differ.

``python docs/generate.py`` writes the pages under ``docs/reference/`` and the tables of figures in
both READMEs; ``--check`` writes nothing and ends with 1 where something is out of date.

Reads:   the commands' help, the settings, the errors, the shipped model's manifest
Gives:   Markdown
Never:   holds a figure or an option of its own
"""

import argparse
import ast
import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import msgspec

import sentire
from sentire import config, errors
from sentire.bundle.builtin import find_bundle
from sentire.bundle.manifest import Evaluation
from sentire.bundle.store import read_manifest
from sentire.cli import exits, scoring
from sentire.cli.commands import commands
from sentire.cli.outcome import verdict
from sentire.protocols import texts
from sentire.protocols.native import routes
from sentire.protocols.native import wire as native
from sentire.service.settings import Settings
from sentire.serving import settings as serving_settings
from sentire.serving.settings import ModelSettings
from sentire.types import RowError
from sentire.web import auth, body, deadline, problems
from sentire.web import settings as web_settings

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
_WIDTH = 80
_NOTE = "<!-- Made by docs/generate.py from the code; edit that, not this. -->\n"

_METRICS = {
    "accuracy": ("accuracy", "准确率"),
    "macro_f1": ("macro-F1", "宏平均 F1"),
    "macro_recall": ("macro recall", "宏平均召回率"),
}
_HEADINGS = {
    "README.md": ("data", "language", "texts", "metric", "INT8", "95 % interval", "FP32"),
    "README.zh.md": ("数据集", "语言", "条数", "指标", "INT8", "95 % 置信区间", "FP32"),
}


def main() -> int:
    """Write or compare all generated texts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="compare only; 1 if one differs")
    check = parser.parse_args().check
    stale = []
    for path, text in generated():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(str(path.relative_to(ROOT)))
        if not check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for name in stale:
        sys.stderr.write(f"{'out of date' if check else 'written'}: {name}\n")
    return 1 if check and stale else 0


def generated() -> Iterator[tuple[Path, str]]:
    """Each file that holds generated text, and what should stand in it."""
    yield REFERENCE / "cli.md", cli_page()
    yield REFERENCE / "settings.md", settings_page()
    yield REFERENCE / "errors.md", errors_page()
    manifest = read_manifest(find_bundle())[0]
    for at, (name, heading) in enumerate(_HEADINGS.items()):
        languages = {training.name: training.language for training in manifest.training}
        rows = [_figure(e, languages.get(e.data, ""), at) for e in manifest.evaluation]
        readme = (ROOT / name).read_text(encoding="utf-8")
        yield ROOT / name, _between(readme, "figures", _table(heading, rows))


def cli_page() -> str:
    """The help of every command."""
    parts = [f"{_NOTE}\n# Command line\n\n{_help(commands, 'sentire')}"]
    for name in commands.list_commands(click.Context(commands)):
        command = commands.get_command(click.Context(commands), name)
        assert command is not None  # noqa: S101 - the list is the group's own
        parts.append(f"## sentire {name}\n\n{_help(command, f'sentire {name}')}")
        for part, inner in command.commands.items() if isinstance(command, click.Group) else ():
            words = f"sentire {name} {part}"
            parts.append(f"### {words}\n\n{_help(inner, words)}")
    parts.append(f"## Exit codes\n\n{_table(('code', 'means'), _exit_codes())}\n")
    return "\n".join(parts)


def _help(command: click.Command, name: str) -> str:
    settings = commands.context_settings
    context = click.Context(command, info_name=name, terminal_width=_WIDTH, **settings)
    return f"```text\n{command.get_help(context)}\n```\n"


def _exit_codes() -> list[tuple[object, ...]]:
    return [
        (scoring.ALL_SCORED, "Every text was scored; or the server was stopped in good order."),
        (exits.OURS, "An error of ours: the model, the engine or the output failed."),
        (exits.USAGE, "Wrong usage, or an input, option or setting that can't be used."),
        (scoring.SOME_ERRORS, "Done, but some rows carry errors."),
        (exits.INTERRUPTED, "Stopped with Ctrl-C (SIGINT)."),
        (exits.PIPE_CLOSED, "Whoever read the answers, such as `head`, stopped reading."),
        (exits.TERMINATED, "Stopped with SIGTERM."),
    ]


def settings_page() -> str:
    """Every setting of ``sentire serve``."""
    docs = _field_docs(serving_settings) | _field_docs(web_settings)
    heading = ("setting", "variable", "default", "allowed", "meaning")
    parts = [
        f"{_NOTE}\n# Settings of the server\n\n"
        "`sentire serve` and `serve-model` take them from a TOML file (`--config`) and from the "
        "environment. "
        "A variable wins over the file, an option of the command over both. "
        "An unknown name is an error. In the file, a dotted setting stands in a table:\n\n"
        "```toml\n[limits]\ntexts = 200\n```\n"
    ]
    tables: dict[str, list[tuple[object, ...]]] = {}
    for key, kind in config._leaves(Settings):
        table, _, name = key.rpartition(".")
        row = (
            f"`{key}`",
            f"`{config.variable_name(key)}`",
            _default(key),
            config._allowed(kind),
            docs[_class_of(table), name],
        )
        tables.setdefault(table, []).append(row)
    for table, rows in tables.items():
        parts.append(f"## {f'[{table}]' if table else 'Top level'}\n")
        parts.append(f"{_table(heading, rows)}\n")
    return "\n".join(parts)


def _class_of(table: str) -> str:
    """The record that a table of settings is."""
    fields = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    return fields[table].__name__ if table else ModelSettings.__name__


def _default(key: str) -> str:
    value: Any = Settings()
    for name in key.split("."):
        value = getattr(value, name)
    return "none" if value is None else f"`{json.dumps(value)}`"


def _field_docs(module: ModuleType) -> dict[tuple[str, str], str]:
    """The sentence below each field of each class, which Python itself drops."""
    found = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ClassDef):
            for field, behind in zip(node.body, node.body[1:], strict=False):
                if (
                    isinstance(field, ast.AnnAssign)
                    and isinstance(field.target, ast.Name)
                    and isinstance(behind, ast.Expr)
                    and isinstance(behind.value, ast.Constant)
                ):
                    sentence = " ".join(str(behind.value.value).split()).replace("``", "`")
                    found[node.name, field.target.id] = sentence
    return found


def errors_page() -> str:
    """Codes of one text's errors, HTTP problems and exceptions."""
    codes = sorted({*_text_errors(), _too_large_row()})
    return "\n".join(
        [
            f"{_NOTE}\n# Errors\n",
            "## One text\n",
            "The `code` of an `error` record, in the text's own place. Over HTTP a request with "
            "one `text` is answered with this status instead.\n",
            _table(("code", "HTTP", "means"), codes),
            "\n## HTTP problems\n",
            "A request that is refused as a whole gets a problem document (RFC 9457, "
            "`application/problem+json`) with `status`, `title`, `code` and `detail`.\n",
            _table(("HTTP", "code", "detail"), sorted(_problems())),
            "\n## Exceptions\n",
            "What Python raises, all below `sentire.SentireError`; the status it becomes over "
            "HTTP and the exit code on the command line.\n",
            _table(("exception", "HTTP", "exit code", "means"), _exceptions()),
            "",
        ]
    )


def _text_errors() -> Iterator[tuple[object, ...]]:
    for kind in list(_kinds(errors.TextError))[1:]:
        status = problems.of_row(RowError(kind.code, "")).status
        yield f"`{kind.code}`", status, _first_sentence(kind)


def _too_large_row() -> tuple[object, ...]:
    """The one text error that only the server has: longer than its limit."""
    code = texts._too_large("", 0).error.code
    status = problems.of_row(RowError(code, "")).status
    return f"`{code}`", status, "The text has more characters than this server takes."


def _problems() -> set[tuple[object, ...]]:
    found: set[tuple[object, ...]] = {
        (status, f"`{code}`", detail.replace("{method}", "…").replace("{allow}", "…"))
        for status, (code, detail) in problems._FRAMEWORK.items()
    }
    for kind, status, code in problems._TABLE:
        found.add((status, f"`{code}`", _first_sentence(kind)))
    for module in (auth, body, deadline, native, problems, routes, texts):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "ProblemError":
                status, code, detail = node.args[:3]
                if isinstance(status, ast.Constant) and isinstance(code, ast.Constant):
                    found.add((status.value, f"`{code.value!s}`", _message(detail, module)))
    return found


def _message(node: ast.expr, module: ModuleType) -> str:
    """The text of an f-string, with "…" for what is only known later."""
    if isinstance(node, ast.JoinedStr):
        return "".join(_message(part, module) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        constant = getattr(module, ast.unparse(node.value), None)
        return constant if isinstance(constant, str) else "…"
    return str(ast.literal_eval(node))


def _exceptions() -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for kind in _kinds(sentire.SentireError):
        error = kind.__new__(kind)
        status = problems.of_error(error).status
        exit_code = verdict(error)[1]
        rows.append((f"`{kind.__name__}`", status, exit_code, _first_sentence(kind)))
    return rows


def _kinds(kind: Any) -> Iterator[Any]:
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from _kinds(child)


def _first_sentence(kind: type) -> str:
    return " ".join((kind.__doc__ or "").partition("\n\n")[0].split()).replace("``", "`")


def _figure(e: Evaluation, language: str, at: int) -> tuple[object, ...]:
    interval = f"{percent(e.low)} – {percent(e.high)}"
    metric = _METRICS.get(e.metric, (e.metric, e.metric))[at]
    return e.data, language, f"{e.n:,}", metric, percent(e.value), interval, percent(e.fp32)


def percent(share: float) -> str:
    """A share as people write it: 0.8589 is 85.9."""
    return f"{100 * share:.1f}"


def _between(text: str, marker: str, new: str) -> str:
    before, opening, rest = text.partition(f"<!-- {marker} -->")
    _, closing, after = rest.partition(f"<!-- /{marker} -->")
    if not opening or not closing:
        raise ValueError(f"there is no <!-- {marker} --> … <!-- /{marker} -->")
    return f"{before}{opening}\n{new}\n{closing}{after}"


def _table(heading: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    lines = [heading, ("---",) * len(heading), *rows]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines
    )


if __name__ == "__main__":
    sys.exit(main())
