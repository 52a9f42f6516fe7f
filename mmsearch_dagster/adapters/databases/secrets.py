"""Keeps addresses of databases out of messages."""

import os
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from mmsearch_dagster.adapters.databases.database_query import DatabaseQuery, kind_of, schemes
from mmsearch_dagster.core.errors import SourceError

_HIDDEN = "***"


def address_of(query: DatabaseQuery, where: str, environment: Mapping[str, str] | None = None) -> str:
    """The address that the environment gives.

    Raises:
        SourceError: the variable is not set, or names a database that is not read.
    """
    address = (os.environ if environment is None else environment).get(query.connection, "")
    if not address:
        raise SourceError(
            f"{where}: the environment variable {query.connection} is not set; it must hold the database's "
            "address, for example postgresql://user:password@host/name"
        )
    kind = kind_of(address)
    if kind is None:
        raise SourceError(f"{where}: {query.connection} begins with none of {schemes()}")
    if (kind == "mongodb") != (query.collection is not None):
        wanted = "`collection:`" if kind == "mongodb" else "`table:` or `query:`"
        raise SourceError(f"{where}: {query.connection} is an address of {kind}; write {wanted}")
    return address


def without_secrets(message: str, address: str) -> str:
    """A message in one line, without the address, its user, its password, or what is written like one."""
    parts = urlsplit(address)
    secrets = [address, parts.netloc, parts.password or "", parts.username or "", parts.query]
    secrets += [unquote(secret) for secret in secrets]
    for secret in sorted({secret for secret in secrets if len(secret) > 1}, key=len, reverse=True):
        message = message.replace(secret, _HIDDEN)
    return " ".join(message.split())
