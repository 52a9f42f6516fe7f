"""Read, validate, part the broken rows. Each step is a plain function from a workspace to a report."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Facts, Snapshot
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.catalog.contract import (
    CheckedRows,
    RawTable,
    check_not_empty,
    check_share,
    future_rows,
    quarantined_share,
    restrict_to_catalogue,
    separate_broken_rows,
    top_reasons,
)
from mmsearch_dagster.core.catalog.cut_off_exports import ACCEPT_VARIABLE, check_not_cut
from mmsearch_dagster.core.catalog.log_shape import log_concerns
from mmsearch_dagster.core.catalog.unknown_products import unknown_sentence
from mmsearch_dagster.core.catalog.variants import naming_variants
from mmsearch_dagster.core.digest import digest_of, sha256_bytes
from mmsearch_dagster.core.labels.query_splits import keep_highest_grade
from mmsearch_dagster.pipeline.home import check_same_shop
from mmsearch_dagster.pipeline.ingest.labels import with_labels
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.adapters.expectations.rules import ExpectationSuite, RuleOutcome

# Raised when reading or the contract's rules change what comes out of the same files.
CODE_VERSION = "7"
# Files beside a table: rows that were kept with a value left empty, and broken rows.
EMPTIED = "emptied.parquet"
QUARANTINE = "quarantine.parquet"
UNKNOWN_PRODUCT = "product unknown to the catalogue"

# asset that holds the good rows -> contract table
VALIDATED = {"products": "products", "interactions": "events", "queries": "judgments"}


class RawFacts(Facts):
    """What is stored with a table as read. dropped: sentence -> rows left out without being broken."""

    dropped: dict[str, int] = {}
    concerns: list[str] = []
    files: int = 0


class RowFacts(Facts):
    """What is stored about rows that were not kept as they are.

    reasons, emptied: sentence and number of rows. dropped: sentence -> rows left out without being broken.
    unknown: what may be wrong with ids that the catalogue does not have. concerns: what to look at.
    """

    reasons: list[tuple[str, int]] = []
    emptied: list[tuple[str, int]] = []
    dropped: dict[str, int] = {}
    unknown: str | None = None
    concerns: list[str] = []


class SearchesFacts(RowFacts):
    """What is stored with the logged searches."""

    quarantined: int = 0


class QuarantineFacts(RowFacts):
    """What is stored with the broken rows of a table.

    good_rows: those of unknown products too: they are not broken, and `good.parquet` lacks them. share: of
    the broken ones, 0 to 1. checks: as `defs.metadata.check_results` reads them.
    """

    good_rows: int
    share: float
    checks: list[dict[str, Any]]


class GoodRowsFacts(Facts):
    """What is stored with the good rows of a table."""

    quarantined: int = 0
    dropped_rows: int = 0


def raw_asset(table: str) -> str:
    """Name of the asset with the rows as read."""
    return f"{table}_raw"


def read_raw(workspace: Workspace, table: str) -> StepReport:
    """One table as the shop exports it, cast to the contract's types, people as pseudonyms.

    Raises UserError when the home's releases are of another shop, SourceError for a catalogue without a row.
    """
    from mmsearch_dagster.adapters.sources.reading import read_table

    check_same_shop(workspace)
    with timed(raw_asset(table)) as report:
        source = workspace.source
        files = source.spec.tables.get(table, ())
        source.renew(table)
        facts = {
            "code": CODE_VERSION,
            "files": {
                each.path: _sha256(source.path_of(each)) for file in files for each in (file, *file.joins)
            },
            "mapping": [file.model_dump(mode="json") for file in files],
            "key": sha256_bytes(b"mmsearch" + _key(workspace))[:16],
        }
        labels = workspace.paths.labels if table == "judgments" else None
        if labels is not None and labels.is_file():
            facts["labels"] = _sha256(labels)

        def make() -> tuple[pl.DataFrame, dict[str, Any]]:
            raw = read_table(source, table, lambda ids: _pseudonyms(workspace, ids))
            if "labels" in facts:
                raw = with_labels(raw, workspace.paths.labels)
            stored = RawFacts(
                rows=raw.frame.height,
                dropped=dict(raw.dropped),
                concerns=list(raw.concerns),
                files=len(files),
            )
            return raw.frame, stored.model_dump()

        snapshot, made = workspace.lake.obtain_table(raw_asset(table), digest_of(facts), make)
        if table == "products":
            check_not_empty(snapshot.table(), [file.path for file in files])
        report.about(snapshot, made)
        report.tables["first rows"] = snapshot.table().head(5).drop("_problems", strict=False)
    return report


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _key(workspace: Workspace) -> bytes:
    from mmsearch_dagster.adapters.host.secret_key import pseudonym_key

    return pseudonym_key(workspace.settings.home, os.environ)


def _pseudonyms(workspace: Workspace, ids: pl.Series) -> pl.Series:
    from mmsearch_dagster.core.catalog.pseudonyms import pseudonymise

    return pseudonymise(ids, _key(workspace))


def validate(workspace: Workspace, asset: str) -> tuple[StepReport, StepReport, list[dict[str, Any]]]:
    """Run the suite and the contract's rules over one raw table.

    Returns the reports of the good rows and of the quarantine, and every check's outcome.
    Raises PolicyError when a rule about the whole table fails, and, after the quarantine was written, when
    too large a share is broken.
    """
    from mmsearch_dagster.adapters.expectations.suite import load_suite

    table = VALIDATED[asset]
    suite = load_suite(suite_file(workspace.assets, table))
    inputs = _Inputs.current(workspace, table)
    latest = latest_time(workspace.clock())
    digest = digest_of(
        {
            "code": CODE_VERSION,
            "made_from": {snapshot.asset: snapshot.digest for snapshot in inputs.all},
            "suite": suite.model_dump(mode="json"),
            **future(inputs.raw, latest),
        }
    )
    with timed(f"{asset}_quarantine") as quarantine:
        snapshot, made = _quarantine(workspace, asset, digest, inputs, latest=latest)
        quarantine.about(snapshot, made)
        broken = snapshot.table()
        quarantine.tables["reasons"] = pl.DataFrame(
            top_reasons(broken, most=20), schema={"reason": pl.String, "rows": pl.Int64}, orient="row"
        )
        quarantine.tables["rows"] = broken.head(10)
        quarantine.tables["kept with a value left empty"] = pl.read_parquet(snapshot.folder / EMPTIED).head(
            10
        )
    with timed(asset) as report:
        _check_not_cut(workspace, asset, snapshot, suite)
        good, made = _good_rows(workspace, (asset, digest), inputs, snapshot, suite.max_quarantined_share)
        report.note = " ".join(QuarantineFacts.of(snapshot).concerns)
        report.about(good, made)
        report.links["data docs"] = _docs(workspace, table) / "index.html"
        report.tables["first rows"] = good.table().head(5)
    return report, quarantine, QuarantineFacts.of(snapshot).checks


def latest_time(now: datetime) -> datetime:
    """Times after this are in the future: a day from now, for clocks and zones that are a little off."""
    return now + timedelta(days=1)


def future(raw: Snapshot, latest: datetime) -> dict[str, int]:
    """What the digest of checked rows depends on besides their files: how many lie in the future today."""
    columns = pl.read_parquet_schema(raw.table_path)
    if col.TIMESTAMP not in columns:
        return {}
    rows = future_rows(pl.read_parquet(raw.table_path, columns=[col.TIMESTAMP]), latest)
    return {"future": rows} if rows else {}


def _check_not_cut(workspace: Workspace, asset: str, quarantine: Snapshot, suite: "ExpectationSuite") -> None:
    """Refuses a table that is much smaller than the one that the released version was made from."""
    limit = suite.lost_share
    if limit is None or os.environ.get(ACCEPT_VARIABLE, "") not in ("", "0"):
        return
    champion = workspace.registry.champion() if workspace.paths.mlflow.is_dir() else None
    digest = champion.snapshots.get(asset) if champion else None
    released = workspace.lake.find(asset, digest) if digest else None
    if released is not None:
        now = pl.scan_parquet(quarantine.folder / "good.parquet").select(pl.len()).collect().item()
        check_not_cut(VALIDATED[asset], now=now, before=int(released.facts.get("rows", 0)), limit=limit)


def suite_file(assets: Path, table: str) -> Path:
    """The reviewed rules of one contract table."""
    return assets / "expectations" / f"{table}.yaml"


def suite_rules(assets: Path, table: str) -> list[tuple[str, str]]:
    """(check name, why) of every reviewed expectation; read without importing Great Expectations."""
    from mmsearch_dagster.adapters.expectations.suite import load_suite

    return [(rule.name, rule.why) for rule in load_suite(suite_file(assets, table)).rules]


def _docs(workspace: Workspace, table: str) -> Path:
    return workspace.paths.reports / "data_docs" / table


@dataclass(frozen=True)
class _Inputs:
    """What is validated, and the products that its rows must be about; None for the products themselves."""

    raw: Snapshot
    products: Snapshot | None

    @classmethod
    def current(cls, workspace: Workspace, table: str) -> "_Inputs":
        products = None if table == "products" else workspace.lake.current("products")
        return cls(workspace.lake.current(raw_asset(table)), products)

    @property
    def all(self) -> list[Snapshot]:
        """Both, where there are two."""
        return [self.raw, *([self.products] if self.products else [])]


def _quarantine(
    workspace: Workspace, asset: str, digest: str, inputs: _Inputs, *, latest: datetime
) -> tuple[Snapshot, bool]:
    """The broken rows, with the good ones laid beside them for the next asset."""
    from mmsearch_dagster.adapters.expectations.rules import check_whole_table
    from mmsearch_dagster.adapters.expectations.suite import load_suite, run_suite

    table = VALIDATED[asset]

    def make(folder: Path) -> QuarantineFacts:
        suite = load_suite(suite_file(workspace.assets, table))
        frame = inputs.raw.table()
        result = run_suite(suite, frame, _docs(workspace, table))
        check_whole_table(suite, result)
        raw = RawTable(table, frame, RawFacts.of(inputs.raw).dropped)
        checked = separate_broken_rows(raw, result.flagged_rows(), latest=latest)
        good, unknown = _of_the_catalogue(inputs.products, checked)
        checked.quarantined.write_parquet(folder / "table.parquet")
        checked.emptied.write_parquet(folder / EMPTIED)
        good.write_parquet(folder / "good.parquet")
        return QuarantineFacts(
            rows=checked.quarantined.height,
            good_rows=checked.good.height,
            share=round(quarantined_share(checked.good.height, checked.quarantined.height), 4),
            unknown=_unknown(inputs.products, checked, unknown),
            concerns=[*RawFacts.of(inputs.raw).concerns, *_concerns(table, checked, good)],
            checks=[_check(rule) for rule in result.outcomes()],
            **row_facts(checked, unknown),
        )

    return workspace.lake.obtain(
        f"{asset}_quarantine", digest, lambda folder: make(folder).model_dump(), inputs=inputs.all
    )


def _check(rule: "RuleOutcome") -> dict[str, Any]:
    metrics = {
        "unexpected rows": rule.unexpected_count,
        "unexpected percent": rule.unexpected_percent,
        "observed": rule.observed,
        "column": rule.column,
    }
    return {
        "name": rule.name,
        "passed": rule.success,
        "severity": rule.severity,
        "text": rule.why,
        "figures": metrics,
    }


def row_facts(checked: CheckedRows, left_out: Mapping[str, int]) -> dict[str, Any]:
    """What a step stores about the rows that it did not keep as they are.

    Args:
        checked: rows of one table.
        left_out: sentence -> rows that were left out later.
    """
    return {
        "reasons": top_reasons(checked.quarantined),
        "emptied": top_reasons(checked.emptied, most=20),
        "dropped": {**checked.dropped, **left_out},
    }


def _unknown(products: Snapshot | None, checked: CheckedRows, left_out: Mapping[str, int]) -> str | None:
    if products is None or not left_out:
        return None
    return unknown_sentence(checked.good, products.table()[col.PRODUCT_ID])


def _concerns(table: str, checked: CheckedRows, good: pl.DataFrame) -> list[str]:
    concerns = log_concerns(good) if table == "events" else []
    if checked.good.height and good.is_empty():
        concerns.append(f"no row of {table} names a product of the catalogue, so none is used")
    return concerns


def _of_the_catalogue(products: Snapshot | None, checked: CheckedRows) -> tuple[pl.DataFrame, dict[str, int]]:
    if products is None:
        return checked.good, {}
    catalogue = products.table()
    rows = naming_variants(checked.good, catalogue, each=col.GRADE in checked.good.columns)
    if col.GRADE in rows.columns:
        rows = keep_highest_grade(rows).sort(col.QUERY_ID, col.PRODUCT_ID)
    kept, left_out = restrict_to_catalogue(rows, catalogue[col.PRODUCT_ID])
    return kept, {UNKNOWN_PRODUCT: left_out} if left_out else {}


def _good_rows(
    workspace: Workspace, name: tuple[str, str], inputs: _Inputs, quarantine: Snapshot, limit: float
) -> tuple[Snapshot, bool]:
    """name: the asset and its digest."""
    asset, digest = name
    stored = QuarantineFacts.of(quarantine)
    if not workspace.lake.find(asset, digest):
        check_share(stored.good_rows, quarantine.table(), limit, VALIDATED[asset])

    def make() -> tuple[pl.DataFrame, dict[str, Any]]:
        good = pl.read_parquet(quarantine.folder / "good.parquet")
        facts = GoodRowsFacts(
            rows=good.height, quarantined=stored.rows, dropped_rows=sum(stored.dropped.values())
        )
        return good, facts.model_dump()

    return workspace.lake.obtain_table(asset, digest, make, inputs=inputs.all)


def read_searches(workspace: Workspace) -> StepReport:
    """Logged searches: what was typed, by which pseudonym, when."""
    with timed("searches") as report:
        raw, latest = workspace.lake.current(raw_asset("searches")), latest_time(workspace.clock())

        def make(folder: Path) -> SearchesFacts:
            checked = separate_broken_rows(
                RawTable("searches", raw.table(), RawFacts.of(raw).dropped), latest=latest
            )
            checked.good.write_parquet(folder / "table.parquet")
            checked.quarantined.write_parquet(folder / QUARANTINE)
            checked.emptied.write_parquet(folder / EMPTIED)
            quarantined = checked.quarantined.height
            return SearchesFacts(rows=checked.good.height, quarantined=quarantined, **row_facts(checked, {}))

        digest = digest_of({"code": CODE_VERSION, "raw": raw.digest, **future(raw, latest)})
        snapshot, made = workspace.lake.obtain(
            "searches", digest, lambda folder: make(folder).model_dump(), inputs=[raw]
        )
        report.about(snapshot, made)
        report.tables["first rows"] = snapshot.table().head(5)
    return report
