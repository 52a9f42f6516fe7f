"""Documents of MongoDB as lines of JSON, one after the other."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, Protocol

from mmsearch_dagster.adapters.databases.secrets import without_secrets
from mmsearch_dagster.core.errors import ConfigError, SourceError

_BATCH = 1_000


class Collection(Protocol):
    """What is needed of pymongo's collection."""

    def find(self, filter: dict[str, Any], *, batch_size: int) -> Any: ...


def mongo_lines(address: str, collection: str, where: str, changed: dict[str, Any]) -> Iterator[bytes]:
    """The documents of a collection of the address's database.

    Args:
        address: with user, password and the database's name; it appears in no message.
        collection: its name.
        where: the file that names it, for messages.
        changed: a filter; {} for all documents.

    Yields:
        One line of JSON per document; ids and decimals as text, instants as ISO 8601.

    Raises:
        SourceError: the database does not answer. What may pass is its cause.
        ConfigError: pymongo is not installed.
    """
    with _connected(address, where) as database:
        yield from lines_of(database[collection], changed)


def mongo_count(address: str, collection: str, where: str) -> int:
    """How many documents a collection has, as the server keeps count. Raises what `mongo_lines` raises."""
    with _connected(address, where) as database:
        return int(database[collection].estimated_document_count())


@contextmanager
def _connected(address: str, where: str) -> Iterator[Any]:
    """The address's database."""
    try:
        from pymongo import MongoClient
        from pymongo.errors import ConnectionFailure, PyMongoError
    except ImportError as error:
        raise ConfigError(
            f"{where}: reading MongoDB needs pymongo: pip install 'mmsearch-dagster[databases]'"
        ) from error
    try:
        with MongoClient(address, serverSelectionTimeoutMS=10_000, tz_aware=True) as client:
            yield client.get_default_database()
    except PyMongoError as error:
        message = without_secrets(str(error), address)
        lost = ConnectionError(message) if isinstance(error, ConnectionFailure) else None
        raise SourceError(f"{where}: the database does not give these documents: {message}") from lost


def lines_of(collection: Collection, changed: dict[str, Any]) -> Iterator[bytes]:
    """Each document of a collection as a line of JSON."""
    for document in collection.find(changed, batch_size=_BATCH):
        yield json.dumps(document, default=_as_json, ensure_ascii=False).encode() + b"\n"


def _as_json(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    return str(value)  # ObjectId, Decimal128, UUID and others that MongoDB has
