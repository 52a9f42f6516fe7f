"""One query of each kind to show at the end of a run, from the judged ones or of the first products."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.media.file_names import spellings
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.core.text.preparation import language_of

WORDS, PHOTO, BOTH, VOICE, CHINESE = "words", "photo", "words and photo", "voice", "Chinese"


@dataclass(frozen=True)
class Example:
    """query: None where the shop has none of this kind. name: how a person would write it."""

    kind: str
    name: str = ""
    query: Query | None = None


def examples(queries: pl.DataFrame, products: pl.DataFrame, root: Path) -> Iterator[Example]:
    """One per kind, a validation query where there is one. root: what media uris are relative to."""
    judged = queries.unique(col.QUERY_ID, keep="first", maintain_order=True).sort(
        pl.col(col.SPLIT) != "validation", maintain_order=True
    )
    chinese = pl.col(col.QUERY_TEXT).map_elements(_is_chinese, return_dtype=pl.Boolean, skip_nulls=True)
    text, image, audio = (pl.col(name).is_not_null() for name in (col.QUERY_TEXT, col.IMAGE, col.AUDIO))
    other = ~chinese.fill_null(value=False)
    wanted = {
        WORDS: text & ~image & ~audio & other,
        PHOTO: image & ~text & ~audio,
        BOTH: text & image & ~audio,
        VOICE: audio & ~text & ~image,
        CHINESE: text & ~image & ~audio & ~other,
    }
    for kind, rows in wanted.items():
        row = judged.filter(rows).head(1).to_dicts()
        yield _example(kind, row[0] if row else _from_catalogue(kind, products), root)


def _is_chinese(text: str) -> bool:
    return language_of(text) == "zh"


def _example(kind: str, row: dict[str, str | None], root: Path) -> Example:
    text, image, audio = (row.get(name) for name in (col.QUERY_TEXT, col.IMAGE, col.AUDIO))
    query = Query(text=text, image=_content(root, image), audio=_content(root, audio))
    if not (query.text or query.image or query.audio):
        return Example(kind)
    return Example(kind, " + ".join(part for part in (text, image, audio) if part), query)


def _content(root: Path, uri: str | None) -> bytes | None:
    files = [root / name for name in spellings(uri)] if uri else []
    return next((file.read_bytes() for file in files if file.is_file()), None)


def _from_catalogue(kind: str, products: pl.DataFrame) -> dict[str, str | None]:
    """A product's title and picture ask as well as a judged query does."""
    row: dict[str, str | None] = {}
    titled = products.drop_nulls(col.TITLE).head(1)
    if kind in (WORDS, BOTH) and titled.height:
        row[col.QUERY_TEXT] = titled[col.TITLE][0]
    with_images = products.filter(pl.col(col.IMAGE_URIS).list.len() > 0).head(1)
    if kind in (PHOTO, BOTH) and with_images.height:
        row[col.IMAGE] = with_images[col.IMAGE_URIS][0][0]
    return row
