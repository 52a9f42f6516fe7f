"""Made exports with faults, connected and read: good rows as they were written, or a reason, or one sentence.

MMSEARCH_MALFORMED says how many are tried; by hand: 3,000 in two minutes.
"""

import os
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.sources import load_source, read_table
from mmsearch_dagster.adapters.sources.connect import as_yaml, connect
from mmsearch_dagster.core.catalog.contract import CheckedRows, separate_broken_rows
from mmsearch_dagster.core.errors import MmsearchError
from tests.exports.malformed import Malformed, malformed

pytestmark = pytest.mark.slow

COUNT = int(os.environ.get("MMSEARCH_MALFORMED", "150"))
PART = 50
# One part is enough for `make quick`.
PARTS = range(0, COUNT, PART)


def read(export: Malformed, folder: Path) -> CheckedRows | str:
    """The rows, or the sentence that says why there are none."""
    file = folder / export.name
    file.write_bytes(export.content)
    out = folder / "source.yaml"
    try:
        out.write_text(as_yaml(connect([file]), "s", out), encoding="utf-8")
        return separate_broken_rows(read_table(load_source(out), "products", lambda ids: ids))
    except MmsearchError as error:
        return str(error)


def wrong(export: Malformed, rows: CheckedRows | str) -> list[str]:
    """What may not happen: several lines, a changed value, a row that is gone without a reason."""
    if isinstance(rows, str):
        return [rows] if len(rows.splitlines()) != 1 else []
    good = {row["product_id"]: row for row in rows.good.to_dicts()}
    changed = [
        f"{key}: {title!r}, {price} became {good[key]['title']!r}, {good[key]['price']}"
        for key, (title, price) in export.truth.items()
        if key in good and (good[key]["title"], good[key]["price"]) != (title, price)
    ]
    # A broken row says where it stands, not always which product it is.
    unexplained = len(set(export.truth) - set(good)) - rows.quarantined.height - sum(rows.dropped.values())
    strangers = [key for key in good if key not in export.truth and key not in export.spoilt]
    return [
        *changed,
        *([f"{unexplained} rows are gone without a reason"] if unexplained > 0 else []),
        *(f"{key} was never written" for key in strangers if not _is_rest(key, export)),
    ]


def _is_rest(key: str, export: Malformed) -> bool:
    """Of a spoilt row; or the total below the table."""
    return bool(export.spoilt) or key == "Total"


@pytest.mark.parametrize("start", PARTS)
def test_what_is_as_it_was_written_is_read_so_and_what_is_not_has_a_reason(
    start: int, tmp_path: Path
) -> None:
    for seed in range(start, min(start + PART, COUNT)):
        export = malformed(seed)
        assert wrong(export, read(export, tmp_path)) == [], f"seed {seed}: {export.content[:300]!r}"
