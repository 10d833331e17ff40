"""What the pages say is what the code says."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version

import click
import pytest

from pages import NAMES, PAGES, ROOT, blocks, prose
from sentire.bundle.builtin import find_bundle
from sentire.bundle.store import read_manifest
from sentire.cli.commands import commands
from sentire.inference import disagreement

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def anchors(text):
    """What GitHub makes of the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_generated_pages_and_tables_are_up_to_date():
    command = [sys.executable, ROOT / "docs" / "generate.py", "--check"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stderr}run: python docs/generate.py"


@pytest.mark.parametrize("name", ["README.md", "README.zh.md"])
def test_the_figures_of_the_readme_are_the_shipped_model_s(name):
    manifest, info = read_manifest(find_bundle())
    table = read(name).partition("<!-- figures -->")[2].partition("<!-- /figures -->")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][2:]
    assert len(rows) == len(manifest.evaluation)
    for row, figure in zip(rows, manifest.evaluation, strict=True):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[0] == figure.data
        assert abs(float(cells[4]) - 100 * figure.value) <= 0.051
    assert f"{info.name} {info.version}" in read("CHANGELOG.md").replace("`", "")


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        found = page.parent / path if path else page
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found.read_text(encoding="utf-8")), target


def test_the_index_links_to_every_page_and_example():
    index = read("docs/README.md")
    names = [
        file.relative_to(ROOT / "docs").as_posix() for file in (ROOT / "docs").glob("*/*.md")
    ] + [f"../examples/{file.name}" for file in (ROOT / "examples").glob("*.py")]
    assert [name for name in names if f"]({name})" not in index] == []


SCRIPTS = [
    *(
        (name, page, [b.text for b in blocks(page, "python")])
        for name, page in zip(NAMES, PAGES, strict=True)
    ),
    *((file.name, file, [file.read_text("utf-8")]) for file in (ROOT / "examples").glob("*.py")),
]
BASE = {re.match(r"[\w-]+", each)[0] for each in PROJECT["project"]["dependencies"]}


@pytest.mark.parametrize(
    ("source", "scripts"),
    [pytest.param(source, scripts, id=name) for name, source, scripts in SCRIPTS if scripts],
)
def test_scripts_name_what_they_need_beside_sentire(source, scripts):
    said = source.read_text("utf-8").replace("_", "-")
    modules = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name)
        for node in ast.walk(ast.parse("\n".join(scripts)))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    packages = {module.partition(".")[0].replace("_", "-") for module in modules}
    needed = packages - sys.stdlib_module_names - BASE - {"sentire"}
    assert [name for name in needed if not re.search(f"pip install '?{name}\\b", said)] == []
    if "sentire.client" in modules:
        assert "'.[client]'" in said


NEEDS = {"train": "training", "distill": "training", "import": "export", "quantize": "export"}
"""The extra that a command needs."""


@pytest.mark.parametrize(
    "page", [*ROOT.glob("docs/guides/*.md"), *ROOT.glob("README*.md")], ids=lambda page: page.name
)
def test_pages_name_the_extras_of_the_commands_they_show(page):
    shown = "".join(block.text for block in blocks(page, "bash", "console"))
    for command, extra in NEEDS.items():
        if re.search(rf"^sentire {command}\b", shown, re.MULTILINE):
            text = page.read_text("utf-8")
            assert re.search(rf"`{extra}`|\[[\w,]*\b{extra}\b", text), (command, extra)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_answer_follows_the_command_that_gives_it(page):
    """So that ``test_blocks.py`` compares it with the real one."""
    compared = {block.output.line for block in blocks(page, "bash") if block.output}
    answers = [
        b for b in blocks(page, "json", "text") if re.search(r"\b(positive|negative)\b", b.text)
    ]
    shown = {b.line for b in answers if re.search(r"\d\.\d", b.text) and "LABEL_" not in b.text}
    assert shown <= compared or page.parent.name == "reference"  # help, without answers


def test_every_command_stands_in_the_reference():
    page = read("docs/reference/cli.md")
    names = commands.list_commands(click.Context(commands))
    assert re.findall(r"^## sentire (\S+)$", page, re.MULTILINE) == names


def test_the_version_is_the_same_everywhere():
    done = subprocess.run(
        [sys.executable, "-m", "sentire", "--version"], check=True, capture_output=True, text=True
    )
    newest = re.search(r"^## (\S+) - \d{4}-\d\d-\d\d$", read("CHANGELOG.md"), re.MULTILINE)
    assert newest
    assert {newest[1], version("sentire"), PROJECT["project"]["version"]} == {newest[1]}
    assert done.stdout == f"sentire {newest[1]}\n"


def test_every_warning_is_explained():
    source = (ROOT / "src/sentire/inference/postprocess.py").read_text(encoding="utf-8")
    section = read("docs/concepts/answers.md").partition("## Warnings")[2].partition("##")[0]
    codes = re.findall(r'Warning\(\s*"(\w+)"', source)
    assert re.findall(r"^\| `(\w+)`", section, re.MULTILINE) == codes


def test_the_thresholds_of_mixed_are_those_of_the_code():
    said = re.findall(r"at\s+least (0\.\d+)", read("docs/concepts/answers.md"))
    assert said == [str(disagreement.CONTRAST), str(disagreement.SENTENCES)]


def test_the_floors_are_those_that_are_checked():
    floors = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    drawn = [block.text.split("\n")[:-1] for block in blocks(ROOT / "ARCHITECTURE.md", "text")]
    assert floors in drawn


def test_every_room_is_described():
    table = read("ARCHITECTURE.md").partition("## Rooms")[2].partition("\n## ")[0]
    described = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.+?) \|", table, re.M))))
    floors = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    assert described == {room for floor in floors for room in floor.split(" | ")}


def test_every_invariant_has_its_test():
    named = re.findall(r"`(tests/\S+)::(\w+)`", read("ARCHITECTURE.md"))
    assert named
    assert [pair for pair in named if f"def {pair[1]}(" not in read(pair[0])] == []


def test_every_file_that_the_architecture_names_is_there():
    named = set(re.findall(r"`((?:\w+/)+\w+\.py)`", read("ARCHITECTURE.md")))
    assert len(named) > 30
    lost = [f for f in named if not ((ROOT / "src/sentire" / f).exists() or (ROOT / f).exists())]
    assert lost == []


def test_both_readmes_show_the_same_things():
    headings = [
        len(re.findall(r"^## ", read(name), re.M)) for name in ("README.md", "README.zh.md")
    ]
    assert headings[0] == headings[1]
    for text in map(read, ("README.md", "README.zh.md")):
        assert all(f"<!-- {mark}speed -->" in text for mark in ("", "/"))
