"""Keyed pseudonyms: the only form in which a person's id is stored."""

import hashlib
import hmac

import polars as pl

from mmsearch_dagster.core.catalog.columns import SESSION_ID, USER_ID
from mmsearch_dagster.core.catalog.schemas import TABLES
from mmsearch_dagster.core.errors import QueryError

# Columns that name a person or a visit, in whatever table they stand.
PERSONAL = (USER_ID, SESSION_ID)
PSEUDONYM_LENGTH = 32


def is_personal(table: str) -> bool:
    """Whether rows of `table` are about people.

    A shifted field may then hold an id anywhere, so no reason quotes a value and no quarantined row keeps its
    free text.
    """
    return USER_ID in TABLES[table]


def pseudonym(raw_id: str, key: bytes) -> str:
    """HMAC-SHA256 of the id's UTF-8 bytes under `key`, its first 32 hex digits.

    Raises:
        ValueError: the key is empty, which would make the pseudonyms guessable.
        QueryError: the id is not Unicode text.
    """
    if not key:
        raise ValueError("a pseudonym needs a key")
    try:
        raw = raw_id.encode("utf-8")
    except UnicodeEncodeError:  # its message would quote the id
        raise QueryError("the person's id is not Unicode text: write it as the shop's log does") from None
    return hmac.new(key, raw, hashlib.sha256).hexdigest()[:PSEUDONYM_LENGTH]


def pseudonymise(ids: pl.Series, key: bytes) -> pl.Series:
    """Replaces ids by pseudonyms; each distinct id is hashed once.

    Args:
        ids: one id per row, null where there is none.
        key: the secret key of the shop.

    Returns:
        One pseudonym per row, null where the id is null.

    Raises:
        ValueError: the key is empty.
        QueryError: an id is not Unicode text.
    """
    names = ids.cast(pl.String)
    distinct = names.drop_nulls().unique()
    hidden = pl.Series([pseudonym(raw_id, key) for raw_id in distinct], dtype=pl.String)
    return names.replace_strict(distinct, hidden, default=None, return_dtype=pl.String).alias(ids.name)
