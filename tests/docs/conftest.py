"""What the commands on the pages read: small files, a database, a running server."""

import gzip
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import sentire
from sentire.config import Settings
from sentire.gateway.app import create_app
from servers import running

ENGLISH = ("I love it, works perfectly.", "Broke after a day. Complete waste of money.", "It's ok.")
CHINESE = ("服务态度很好，下次还来。", "太差了，非常失望", "一般般吧")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with every file that a page names."""
    reviews = "id,text,stars\n" + "".join(f'{i},"{t}",3\n' for i, t in enumerate(ENGLISH, 1))
    json_lines = "".join(f'{{"id": {i}, "text": "{t}"}}\n' for i, t in enumerate(CHINESE))
    for name, content in {
        "reviews.csv": reviews,
        "export.data": reviews,
        "评论.csv": "编号,评论,店名\n" + "".join(f"{i},{t},甲店\n" for i, t in enumerate(CHINESE)),
        "survey.csv": "question,answer\n" + "".join(f'Why?,"{t}"\n' for t in ENGLISH),
        "with-gaps.csv": 'text,id\n"Great.",1\n"",2\n',
        "reviews.jsonl": json_lines,
        "lines.txt": "\n".join([*ENGLISH, *CHINESE, "Das ist leider sehr schlecht gemacht."]),
        "sentire.toml": "[limits]\ntexts = 200\n",
    }.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "旧文件.txt").write_text("\n".join(CHINESE), encoding="gb18030")
    with gzip.open(tmp_path / "big.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json_lines)
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database, database:
        database.execute("CREATE TABLE reviews (id INTEGER, text TEXT)")
        database.executemany("INSERT INTO reviews VALUES (?, ?)", enumerate(CHINESE))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """URL of a server with the shipped model, as ``sentire serve`` starts it."""
    with sentire.load() as analyzer, running(create_app(analyzer, Settings())) as url:
        yield url
