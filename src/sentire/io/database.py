"""Rows of an SQL query, streamed.

Reads:   a SQLAlchemy URL and a query
Gives:   one record a row, through a server-side cursor where the database has them
Never:   changes the database, or shows a password in a message
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import URL, Connection, CursorResult, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from sentire.errors import SourceError
from sentire.io.columns import unique_names
from sentire.io.rows import Fields, Undecodable, readable
from sentire.optional import missing_extra
from sentire.types import RowError

_ROWS_AHEAD = 1000
_DRIVERS = {
    "mysql": ("pymysql", "pymysql"),
    "mariadb": ("pymysql", "pymysql"),
    "mssql": ("pymssql", "pymssql"),
    "oracle": ("oracledb", "oracledb"),
}
"""Backend -> the name of a driver in URLs that needs no compiler, and its package."""
_PACKAGES = {
    "MySQLdb": "mysqlclient",
    "mysql": "mysql-connector-python",
    "psycopg2": "psycopg2-binary",
}
"""Modules of drivers whose packages are called otherwise."""


class DatabaseReader:
    """Rows of a query. The transaction is read-only where the database can promise it.

    Attributes
    ----------
    columns : tuple of str
    name : str
        The URL without its password.

    Raises
    ------
    SourceError
        The URL, the database or the query does not work.
    MissingExtra
        The PostgreSQL driver is not installed.
    """

    def __init__(self, url: str, query: str) -> None:
        self._url = _parse(url)
        self.name = self._url.set(query={}).render_as_string(hide_password=True)
        self._engine = self._create_engine()
        self._connection: Connection | None = None
        try:
            self._connection = self._connect()
            self._result = self._run(self._connection, query)
        except BaseException:
            self.close()
            raise
        self.columns = unique_names(self._result.keys())

    def __iter__(self) -> Iterator[Fields | RowError]:
        number = 0
        try:
            for values in self._result:
                number += 1
                yield readable(dict(zip(self.columns, values, strict=True)), number)
        except SQLAlchemyError as error:
            raise SourceError(
                f"{self.name}: reading stopped after row {number}: {self._reason(error)}."
            ) from None

    def close(self) -> None:
        """Roll back and leave the database."""
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()

    def _create_engine(self) -> Engine:
        try:
            engine = create_engine(self._url)
        except NoSuchModuleError:
            raise SourceError(
                f"{self.name}: no driver is known for {self._url.drivername!r}. "
                "Use sqlite:///file.db or postgresql://user@host/name, or install its package."
            ) from None
        except ModuleNotFoundError as error:
            if error.name and error.name.startswith("psycopg"):
                raise missing_extra("postgresql", "Reading PostgreSQL") from None
            raise SourceError(f"{self.name}: {_driver_advice(self._url, error.name)}") from None
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _prepare_sqlite)
        return engine

    def _run(self, connection: Connection, query: str) -> CursorResult[tuple[object, ...]]:
        options: dict[str, object] = {
            "stream_results": True,
            "yield_per": _ROWS_AHEAD,
            "no_parameters": True,  # a colon or a percent sign in the query stays what it is
        }
        if self._url.get_backend_name() == "postgresql":
            options["postgresql_readonly"] = True
        try:
            result = connection.execution_options(**options).exec_driver_sql(query)
        except SQLAlchemyError as error:
            raise SourceError(
                f"{self.name}: the query failed: {self._reason(error)}. Check --query."
            ) from None
        if not result.returns_rows:
            raise SourceError(f"{self.name}: the query gives no rows. --query must be a SELECT.")
        return result

    def _connect(self) -> Connection:
        try:
            return self._engine.connect()
        except SQLAlchemyError as error:
            raise SourceError(
                f"{self.name}: no connection: {self._reason(error)}. "
                "Check the address, the user and that the server runs."
            ) from None

    def _reason(self, error: SQLAlchemyError) -> str:
        """Say in one line what the driver says, without the query and the password."""
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        reason = str(cause).strip().partition("\n")[0].rstrip(".")
        secrets = [self._url.password, *(str(value) for value in self._url.query.values())]
        for secret in filter(None, secrets):
            reason = reason.replace(secret, "***")
        return reason


def _driver_advice(url: URL, module: str | None) -> str:
    """Say what to install where a driver's module is missing."""
    backend = url.get_backend_name()
    if url.drivername == backend and backend in _DRIVERS:
        driver, package = _DRIVERS[backend]
        return (
            f"no driver for {backend} is installed. Install one: pip install {package}, "
            f"and begin the URL with {backend}+{driver}://"
        )
    package = _PACKAGES.get(module or "", module or url.get_driver_name())
    return f"the driver {url.get_driver_name()} is not installed: pip install {package}"


def _parse(text: str) -> URL:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # The text itself may hold a password.
        raise SourceError(
            "the database's URL can't be read. Write it as dialect://user:password@host:port/name, "
            "with @ : / % in a password written as %40 %3A %2F %25; for example sqlite:///shop.db"
        ) from None
    if url.drivername in {"postgres", "postgresql"}:
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() == "sqlite":
        _check_sqlite_file(url)
    return url


def _check_sqlite_file(url: URL) -> None:
    """SQLite would create a missing file and then miss the table."""
    database = url.database
    if not database or database == ":memory:" or database.startswith("file:"):
        return
    if not Path(database).is_file():
        raise SourceError(f"{database}: there is no such database file. Check the path.")


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.text_factory = _decoded
    connection.execute("PRAGMA query_only = ON")


def _decoded(value: bytes) -> str | Undecodable:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return Undecodable(value.decode(errors="replace"))
