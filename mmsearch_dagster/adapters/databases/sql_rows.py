"""Rows of PostgreSQL, MySQL and MariaDB, chunk by chunk, through connectorx."""

from collections.abc import Iterator
from typing import Any

import polars as pl

from mmsearch_dagster.adapters.databases.lost_connection import check_host, lost_connection
from mmsearch_dagster.adapters.databases.secrets import without_secrets
from mmsearch_dagster.core.errors import ConfigError, SourceError

_CHUNK_ROWS = 50_000


def sql_chunks(address: str, statement: str, where: str) -> Iterator[pl.DataFrame]:
    """The rows of a statement.

    Args:
        address: with user and password; it appears in no message.
        statement: a SELECT.
        where: the file that names it, for messages.

    Yields:
        Tables of at most some ten thousand rows, all with the same columns.

    Raises:
        SourceError: the database does not answer, or refuses the statement. What may pass is its cause.
        ConfigError: connectorx is not installed.
    """
    try:
        import connectorx
    except ImportError as error:
        raise ConfigError(
            f"{where}: reading a database needs connectorx: pip install 'mmsearch-dagster[databases]'"
        ) from error
    check_host(address, where)
    try:
        stream: Any = connectorx.read_sql(
            address.replace("mariadb://", "mysql://", 1),
            statement,
            return_type="arrow_stream",
            batch_size=_CHUNK_ROWS,
        )
        empty = pl.DataFrame(pl.from_arrow(stream.schema.empty_table()))
        yield empty
        for batch in stream:
            yield pl.DataFrame(pl.from_arrow(batch, schema=empty.schema))
    except Exception as error:  # connectorx raises RuntimeError, and its Rust part panics
        message, text = without_secrets(str(error), address), "the database does not give these rows"
        raise SourceError(f"{where}: {text}: {message}") from lost_connection(message)
