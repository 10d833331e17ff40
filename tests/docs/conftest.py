"""What the commands on the pages read: small files, a database, a running server."""

import gzip
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import xlsxwriter

from sentire.gateway.app import create_app
from sentire.service.settings import Settings
from sentire.serving.factory import open_models
from servers import running

ENGLISH = ("I love it, works perfectly.", "Broke after a day. Complete waste of money.", "It's ok.")
CHINESE = ("服务态度很好，下次还来。", "太差了，非常失望", "一般般吧")

LABELLED = [*zip(ENGLISH, ("pos", "neg", "neutral"), strict=True)]
LABELLED += [*zip(CHINESE, ("pos", "neg", "neutral"), strict=True)]
MINE = "".join(f'"{text} {number}",{label}\n' for number in range(25) for text, label in LABELLED)
DEV = """
[[sources]]
file = "labelled.csv"
[[sources]]
file = "stars.csv"
text_column = "comment"
labels = { 3 = "-" }
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with every file that a page names."""
    reviews = "id,text,stars\n" + "".join(f'{i},"{t}",3\n' for i, t in enumerate(ENGLISH, 1))
    json_lines = "".join(f'{{"id": {i}, "text": "{t}"}}\n' for i, t in enumerate(CHINESE))
    for name, content in {
        "reviews.csv": reviews,
        "export.data": reviews,
        "评论.csv": "编号,评论,店名\n" + "".join(f"{i},{t},甲店\n" for i, t in enumerate(CHINESE)),
        "nested.json": '[{"data": {"text": "Great."}}, {"data": {"text": "太差了"}}]',
        "no-header.csv": "\n".join(CHINESE),
        "survey.csv": "question,answer\n" + "".join(f'Why?,"{t}"\n' for t in ENGLISH),
        "with-gaps.csv": 'text,id\n"Great.",1\n"",2\n',
        "reviews.jsonl": json_lines,
        "lines.txt": "\n".join([*ENGLISH, *CHINESE, "Das ist leider sehr schlecht gemacht."]),
        "sentire.toml": "[limits]\ntexts = 200\n",
        "labelled.csv": "text,label\n" + "".join(f'"{t}",{n}\n' for t, n in LABELLED),
        "mine.csv": "text,label\n" + MINE,
        "标注.csv": "文本,情感\n"
        + "".join(f"{t},{n}\n" for t, n in zip(CHINESE, (1, 0, 9), strict=True)),
        "stars.csv": "comment,stars\n"
        + "".join(f'"{t}",{n}\n' for t, n in zip(ENGLISH, (5, 1, 3), strict=True)),
        "dev.toml": DEV,
        "keys.txt": f"shop:sha256:{64 * '0'}\n",
    }.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    with xlsxwriter.Workbook(tmp_path / "reviews.xlsx") as book:
        for sheet in (book.add_worksheet("Old"), book.add_worksheet("New")):
            sheet.write_column(0, 0, ["text", *ENGLISH])
    (tmp_path / "旧文件.txt").write_text("\n".join(CHINESE), encoding="gb18030")
    with gzip.open(tmp_path / "big.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json_lines)
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database, database:
        database.execute("CREATE TABLE reviews (id INTEGER, text TEXT)")
        database.executemany("INSERT INTO reviews VALUES (?, ?)", enumerate(CHINESE))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small classifier in Hugging Face layout, as pages call ``my-bert``."""
    from checkpoints import make_checkpoint

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of PyTorch's and transformers' own parts
        return make_checkpoint(tmp_path_factory.mktemp("checkpoint") / "my-bert")


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """URL of a server with the shipped model, as ``sentire serve`` starts it."""
    with open_models(Settings()) as models, running(create_app(models, Settings())) as url:
        yield url
