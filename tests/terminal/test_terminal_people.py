from pathlib import Path

import polars as pl

from mmsearch_dagster.adapters.secret_key import pseudonym_key
from mmsearch_dagster.core.privacy import pseudonymise
from mmsearch_dagster.terminal.people import hidden_id


def test_a_raw_id_gets_the_pseudonym_that_reading_the_log_gave_it(tmp_path: Path) -> None:
    given = hidden_id(tmp_path, "顾客-1")
    assert given == pseudonymise(pl.Series(["顾客-1"]), pseudonym_key(tmp_path, {}))[0]
