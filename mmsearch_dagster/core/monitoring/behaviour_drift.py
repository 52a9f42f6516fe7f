"""What people search for and do with the answers, beside what they did when the release was made."""

import polars as pl

from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.digest import sha256_text
from mmsearch_dagster.core.monitoring.drift import P, table_drift
from mmsearch_dagster.core.monitoring.finding import BEHAVIOUR, Finding
from mmsearch_dagster.core.monitoring.policy import MonitoringPolicy
from mmsearch_dagster.core.monitoring.search_quality import DAY, by_search, share_change

CLICKS, ZERO_RESULTS = "searches with a click", "searches without a result"
# Below it neither side says anything.
MIN_SEARCHES = 50
_MIX = ("query", "words in the query", "with a picture")
_SCHEMA = {
    "figure": pl.String,
    **dict.fromkeys(("before", "now", "change", "low", "high", "stability", P), pl.Float64),
}


def search_traits(searches: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """What may drift in searches. What was typed is kept as a digest only.

    Args:
        searches: rows of the searches table.
        events: rows of the events table.

    Returns:
        One row per search with a time: `day`, `shown`, `clicked`, and the query mix.
    """
    text = pl.col(col.QUERY_TEXT).str.to_lowercase().str.strip_chars()
    typed = searches.unique(col.QUERY_ID, keep="first", maintain_order=True).select(
        col.QUERY_ID,
        text.alias("query"),
        text.str.split(" ").list.len().alias("words in the query"),
        pl.col(col.IMAGE).is_not_null().alias("with a picture"),
    )
    names = typed["query"].unique().drop_nulls()
    digests = pl.Series([sha256_text(name)[:12] for name in names], dtype=pl.String)
    hidden = pl.col("query").replace_strict(names, digests, default=None, return_dtype=pl.String)
    rows = by_search(searches, events).join(typed, on=col.QUERY_ID, how="left", maintain_order="left")
    return rows.select(DAY, "shown", "clicked", hidden, *_MIX[1:])


def behaviour_drift(before: pl.DataFrame, now: pl.DataFrame, confidence: float) -> pl.DataFrame:
    """Compares two periods of searches.

    Args:
        before: what `search_traits` returned for the release.
        now: the same, of today.
        confidence: of the intervals, 0 to 1.

    Returns:
        One row per figure: a share before and now with the interval of its change, or the population
        stability index of a part of the query mix with p; no row where either side has too few searches.
    """
    if min(before.height, now.height) < MIN_SEARCHES:
        return pl.DataFrame(schema=_SCHEMA)
    shares = [
        _share(CLICKS, before["clicked"], now["clicked"], confidence),
        _share(ZERO_RESULTS, ~before["shown"], ~now["shown"], confidence),
    ]
    mix = table_drift(before.select(_MIX), now.select(_MIX)).select(
        pl.col("column").alias("figure"), "stability", P
    )
    return pl.concat([pl.DataFrame(shares, schema=_SCHEMA), mix], how="diagonal")


def behaviour_findings(table: pl.DataFrame, policy: MonitoringPolicy) -> list[Finding]:
    """What drifted: clicks that fell, answers that are missing, other queries.

    Args:
        table: what `behaviour_drift` returns.
        policy: the bounds.

    Returns:
        A finding per figure.
    """
    findings = []
    for row in table.iter_rows(named=True):
        if row["figure"] == CLICKS and row["high"] < -policy.click_drop:
            findings.append(Finding(BEHAVIOUR, CLICKS, "change", row["change"], -policy.click_drop))
        if row["figure"] == ZERO_RESULTS and row["low"] > policy.zero_results:
            findings.append(Finding(BEHAVIOUR, ZERO_RESULTS, "change", row["change"], policy.zero_results))
        psi, p = row["stability"], row[P]
        if psi is not None and psi >= policy.stability and p < policy.significance:
            findings.append(Finding(BEHAVIOUR, row["figure"], "PSI", psi, policy.stability, p))
    return findings


def _share(figure: str, before: pl.Series, now: pl.Series, confidence: float) -> dict[str, str | float]:
    counts = [(int(values.sum()), len(values)) for values in (before, now)]
    change = share_change(counts[0], counts[1], confidence)
    return {
        "figure": figure,
        **{"before": counts[0][0] / counts[0][1], "now": counts[1][0] / counts[1][1]},
        **{"change": change.difference, "low": change.low, "high": change.high},
    }
