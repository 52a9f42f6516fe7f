"""What is put to the registered model, a table of words and pictures, as what its towers read."""

import binascii
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmsearch_dagster.adapters.registry.pyfunc.log_model import SIDE
from mmsearch_dagster.core.digest import sha256_bytes
from mmsearch_dagster.core.errors import QueryError
from mmsearch_dagster.core.modalities import IMAGE, TEXT, Matrix, ModalityBatch, assemble
from mmsearch_dagster.core.text.preparation import query_text

if TYPE_CHECKING:
    import pandas as pd

QUERY = "query"
ITEM = "item"

# content key -> content, to content key -> vector [width]
Encode = Callable[[Mapping[str, bytes]], Mapping[str, Matrix]]


@dataclass(frozen=True)
class ModelRow:
    """One row: what it consists of, cleaned and read, and whether it is a query or an item."""

    text: str | None
    picture: bytes | None
    side: str

    def content(self, modality: str) -> bytes | None:
        """What the encoder of that modality reads, None where the row has none."""
        if modality == TEXT:
            return None if self.text is None else self.text.encode("utf-8")
        return self.picture


def _missing(value: Any) -> bool:
    import pandas as pd

    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return value == "" or value == b"" or (isinstance(value, float) and np.isnan(value))


def _text(value: Any, row: int) -> str | None:
    if _missing(value):
        return None
    if not isinstance(value, str):
        raise QueryError(f"row {row}: '{TEXT}' must be a string, not {type(value).__name__}")
    return query_text(value) or None


def _image(value: Any, row: int) -> bytes | None:
    """A picture given as bytes, as the path of a file, or in base64 with or without a `data:` prefix."""
    if _missing(value):
        return None
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    if not isinstance(value, str | Path):
        raise QueryError(f"row {row}: '{IMAGE}' must be bytes, a path or base64, not {type(value).__name__}")
    try:
        return Path(value).read_bytes()
    except (OSError, ValueError):  # not a path: too long, a null byte, or no such file
        pass
    try:
        return b64decode(str(value).rpartition(";base64,")[2], validate=True)
    except (binascii.Error, ValueError) as error:
        raise QueryError(f"row {row}: '{str(value)[:80]}' is neither a readable file nor base64") from error


def _rows_of(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Undoes MLflow's conversion of a dict of lists into one row of lists."""
    lists = [name for name in frame.columns if any(isinstance(cell, list) for cell in frame[name])]
    try:
        return frame.explode(lists) if lists else frame
    except ValueError as error:
        raise QueryError(f"the columns {', '.join(lists)} differ in length") from error


def read_rows(frame: "pd.DataFrame") -> list[ModelRow]:
    """Reads a request's rows.

    Args:
        frame: the columns `text`, `image` and `side`; each may be absent.

    Returns:
        One record per row.

    Raises:
        QueryError: a row has neither words nor an image, an unknown side or an unreadable cell; it is named.
    """
    if TEXT not in frame.columns and IMAGE not in frame.columns:
        raise QueryError(f"give a column '{TEXT}', a column '{IMAGE}', or both")
    rows = []
    for number, cells in enumerate(_rows_of(frame).to_dict("records")):
        side = cells.get(SIDE)
        side = QUERY if _missing(side) else side
        if side not in (QUERY, ITEM):
            raise QueryError(f"row {number}: '{SIDE}' is '{QUERY}' or '{ITEM}', not '{side}'")
        row = ModelRow(_text(cells.get(TEXT), number), _image(cells.get(IMAGE), number), side)
        if row.text is None and row.picture is None:
            raise QueryError(f"row {number}: give words in '{TEXT}', a picture in '{IMAGE}', or both")
        rows.append(row)
    return rows


def encode_rows(
    rows: Sequence[ModelRow], encode: Mapping[str, Encode], widths: Mapping[str, int]
) -> ModalityBatch:
    """The rows' vectors, each distinct content encoded once; ids are row numbers.

    encode: modality -> its encoder. widths: modality -> width. Raises QueryError for a row of which the
    model reads no part.
    """
    columns: dict[str, dict[str, Matrix]] = {}
    for modality, encoder in encode.items():
        content_of = {str(n): content for n, row in enumerate(rows) if (content := row.content(modality))}
        keys = {number: sha256_bytes(content) for number, content in content_of.items()}
        contents = {keys[number]: content for number, content in content_of.items()}
        vectors = encoder(contents) if contents else {}
        columns[modality] = {number: vectors[key] for number, key in keys.items()}
    ids = [str(number) for number in range(len(rows))]
    for number in ids:
        if not any(number in column for column in columns.values()):
            raise QueryError(f"row {number}: this model reads only {', '.join(sorted(encode))}")
    return assemble(ids, columns, widths)
