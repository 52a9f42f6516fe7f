"""User profiles, carried from day to day: what was there yesterday is not computed again."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from mmsearch_dagster.adapters.lake.lineage import current_inputs, lineage_of
from mmsearch_dagster.adapters.lake.snapshots import Facts, Lake, Snapshot
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.digest import digest_of, digest_of_frame
from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.pipeline.evaluation import files
from mmsearch_dagster.pipeline.evaluation.files import EvaluationFacts
from mmsearch_dagster.pipeline.features import collaborative
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.training import examples
from mmsearch_dagster.pipeline.training.candidates import asset_of
from mmsearch_dagster.pipeline.workspace import Workspace

PROFILES = "user_profiles"
STATES = "profile_states"
_LOG = "interactions"
CODE_VERSION = "2"
# Events that come later than so many days make a state anew from the whole log.
KEPT_STATES = 30
_BEFORE_ANY = date(1969, 12, 31)
_COLUMNS = (col.USER_ID, col.PRODUCT_ID, col.TIMESTAMP, col.ACTION, col.VALUE)


class StateFacts(Facts):
    """as_of: the end of the last day with events that the state knows."""

    as_of: datetime


def make_profiles(workspace: Workspace) -> StepReport:
    """One row per user as of the end of the log's last day, in the space of the strategy that won."""
    with timed(PROFILES) as report:
        current = current_inputs(workspace.lake, (_LOG, files.ASSET, collaborative.ASSET))
        state, day_by_day = _state(workspace, current[_LOG], None)
        strategy = EvaluationFacts.of(current[files.ASSET]).winner
        lineage = lineage_of(workspace.lake, current.values())
        candidate = lineage[asset_of(strategy)]
        inputs = {name: lineage[name] for name in ("products", collaborative.ASSET, examples.ASSET)}
        made_from = [candidate, *inputs.values()]
        facts = {
            "code": CODE_VERSION,
            "state": state.digest,
            "made_from": {snapshot.asset: snapshot.digest for snapshot in made_from},
        }

        def make() -> tuple[pl.DataFrame, dict[str, Any]]:
            facts = StateFacts.of(state).model_dump(mode="json", exclude={"rows"})
            return _profiles(state, candidate, inputs), {"strategy": strategy, **facts}

        snapshot, made = workspace.lake.obtain_table(PROFILES, digest_of(facts), make, inputs=made_from)
        report.about(snapshot, made)
        report.metrics |= {"days added to the stored state": day_by_day}
        report.tables["first rows"] = snapshot.table().select(pl.exclude("^vector.*$", "factors")).head(5)
    return report


def update_state(workspace: Workspace, day: date) -> StepReport | None:
    """The state at the end of `day`: the nearest stored one before it, and the events since.

    None in a home so new that no refresh has come to its log.
    """
    try:
        log = workspace.lake.current(_LOG)
    except MmsearchError:
        return None
    with timed(STATES) as report:
        snapshot, added = _state(workspace, log, day)
        report.about(snapshot, made=added > 0)
        report.metrics |= {"days added to the stored state": added}
    return report


def old_states(lake: Lake, keep: int = KEPT_STATES) -> list[Snapshot]:
    """States that only a backfill of long ago would start from: all but those of the newest days."""
    states = [snapshot for snapshot, current in lake.all() if snapshot.asset == STATES and not current]
    # The instants are ISO 8601 in UTC; states of an early version have none.
    return sorted(states, key=lambda state: str(state.facts.get("as_of", "")), reverse=True)[keep:]


def _state(workspace: Workspace, log: Snapshot, until: date | None) -> tuple[Snapshot, int]:
    """The state after the log's days up to `until` (None: all), and how many days had to be added.

    A state is named by the chain of the days' contents, so a day that changed later makes new names from
    there on and an older state is never used for it.
    """
    from mmsearch_dagster.core.collaborative_filtering.interactions import FeedbackParams, feedback
    from mmsearch_dagster.core.user_profiles.profiles import EMPTY, ProfileState, advance

    params = FeedbackParams()
    events = feedback(log.table(), params).select(_COLUMNS)
    parts = (
        events.sort(_COLUMNS)
        .with_columns(day=pl.col(col.TIMESTAMP).dt.date())
        .partition_by("day", maintain_order=True, as_dict=True, include_key=False)
    )
    days = {key[0]: part for key, part in sorted(parts.items()) if until is None or key[0] <= until}
    names = _chain(days, params.model_dump())
    stored = [number for number, name in enumerate(names) if workspace.lake.find(STATES, name)]
    last_stored = stored[-1] if stored else 0
    as_of = _end_of(max(days, default=_BEFORE_ANY))

    def make(folder: Path) -> dict[str, Any]:
        before = EMPTY
        if last_stored:
            earlier = workspace.lake.find(STATES, names[last_stored])
            assert earlier is not None
            before = ProfileState(earlier.table(), StateFacts.of(earlier).as_of)
        fresh = list(days.values())[last_stored:]
        state = advance(before, pl.concat(fresh) if fresh else events.head(0), as_of, params)
        state.rows.write_parquet(folder / "table.parquet")
        return StateFacts(rows=state.rows.height, as_of=as_of).model_dump(mode="json")

    snapshot, _ = workspace.lake.obtain(STATES, names[-1], make)
    return snapshot, len(days) - last_stored


def _chain(days: dict[date, pl.DataFrame], params: dict[str, Any]) -> list[str]:
    """One name per state: before the first day, and after each."""
    names = [digest_of({"code": CODE_VERSION, "params": params})]
    for day, part in days.items():
        names.append(digest_of({"before": names[-1], "day": day, "events": digest_of_frame(part)}))
    return names


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time.min, tzinfo=UTC)


def _profiles(state: Snapshot, candidate: Snapshot, inputs: dict[str, Snapshot]) -> pl.DataFrame:
    from mmsearch_dagster.adapters.lake.batches import load_batch
    from mmsearch_dagster.adapters.lake.factors import load_factors
    from mmsearch_dagster.core.fusion.model import load_model
    from mmsearch_dagster.core.user_profiles.profiles import ProfileState, profiles

    items = load_batch(inputs[examples.ASSET].folder, examples.ITEMS)
    fused = load_model(candidate.folder).items(items)
    factors, _ = load_factors(inputs[collaborative.ASSET].folder)
    return profiles(
        ProfileState(state.table(), StateFacts.of(state).as_of),
        inputs["products"].table(),
        # A product of which nothing is known has a vector of zeros: it says nothing about taste.
        {item: vector for item, vector in zip(items.ids, fused, strict=True) if vector.any()},
        dict(zip(factors.user_ids, factors.users, strict=True)),
    )
