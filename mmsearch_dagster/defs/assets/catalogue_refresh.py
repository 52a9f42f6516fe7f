"""catalogue_refresh (+ training_due): a changed catalogue is served before anything is trained."""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from mmsearch_dagster.defs.assets.features import FEATURE_ASSETS
from mmsearch_dagster.defs.assets.ingest import VALIDATED_KEYS
from mmsearch_dagster.defs.metadata import metadata_of
from mmsearch_dagster.defs.resources import WorkspaceResource
from mmsearch_dagster.defs.retries import retried
from mmsearch_dagster.pipeline.release import catalogue_refresh as step

_DEPS = [*VALIDATED_KEYS, *FEATURE_ASSETS.values(), *(dg.AssetKey(key) for key in ("searches", "reviews"))]
# Each refresh looks at the catalogue and publishes what changed: a night left out is seen in the morning.
CATALOGUE_FRESHNESS = dg.FreshnessPolicy.time_window(
    warn_window=timedelta(hours=26), fail_window=timedelta(hours=50)
)


class Training(dg.Config):
    """retrain: train models in this run also where only the catalogue changed; because: why, for people.

    hold: why nothing may be trained in this run, empty where it may; a changed catalogue is published.
    """

    retrain: bool = False
    because: str = ""
    hold: str = ""


@dg.multi_asset(
    name=step.ASSET,
    group_name="release",
    specs=[
        dg.AssetSpec(
            step.ASSET,
            deps=[*_DEPS, dg.AssetKey("media_quarantine")],
            code_version=step.CODE_VERSION,
            description=(
                "Where the catalogue changed, the released model is published over it, whatever becomes of "
                "the models of this run."
            ),
            kinds={"mlflow", "lancedb"},
            freshness_policy=CATALOGUE_FRESHNESS,
        ),
        dg.AssetSpec(
            step.DUE,
            deps=_DEPS,
            code_version=step.CODE_VERSION,
            description="Materialised where models are trained; else all that follows is skipped.",
            skippable=True,
        ),
    ],
)
def catalogue_refresh(
    context: dg.AssetExecutionContext, config: Training, workspace: WorkspaceResource
) -> Iterator[dg.MaterializeResult]:
    """The second asset is the switch before the training."""
    with retried():
        report, facts = step.refresh_catalogue(
            workspace.open(), retrain=config.retrain, because=config.because, hold=config.hold
        )
    context.log.info(facts.why)
    yield dg.MaterializeResult(asset_key=step.ASSET, metadata=metadata_of(report))
    if facts.retrain:
        yield dg.MaterializeResult(asset_key=step.DUE, metadata={"why": facts.why})


@dg.definitions
def refreshes() -> dg.Definitions:
    """The refresh of the catalogue."""
    return dg.Definitions(assets=[catalogue_refresh])
