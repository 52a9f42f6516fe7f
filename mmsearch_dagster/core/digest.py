"""Digests: the same content has the same name, on any machine."""

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl


def sha256_bytes(content: bytes) -> str:
    """Hex sha256 of raw bytes."""
    return hashlib.sha256(content).hexdigest()


def sha256_text(text: str) -> str:
    """Hex sha256 of a text's UTF-8 bytes."""
    return sha256_bytes(text.encode("utf-8"))


def digest_of(facts: Mapping[str, Any]) -> str:
    """Sixteen hex digits that name a set of JSON-able facts, whatever their order."""
    canonical = json.dumps(facts, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return sha256_text(canonical)[:16]


def digest_of_frame(frame: "pl.DataFrame") -> str:
    """Sixteen hex digits that name a table's schema and rows, in their order."""
    hasher = hashlib.sha256(str(frame.schema).encode())
    for batch in frame.iter_slices(50_000):
        hasher.update(batch.write_ndjson().encode())
    return hasher.hexdigest()[:16]
