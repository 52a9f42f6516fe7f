"""data_drift, embedding_drift, behaviour_drift, search_quality: looked at every hour, outside the refresh."""

from collections.abc import Callable, Iterator

import dagster as dg

from mmsearch_dagster.defs.assets.features import FEATURE_ASSETS
from mmsearch_dagster.defs.metadata import check_results, metadata_of
from mmsearch_dagster.defs.resources import WorkspaceResource
from mmsearch_dagster.pipeline.features.encode import asset_of
from mmsearch_dagster.pipeline.monitoring import monitors
from mmsearch_dagster.pipeline.workspace import Workspace

GROUP = "monitoring"
# Metadata that the drift trigger reads.
FINDINGS = "findings"
_Monitor = Callable[[Workspace], monitors.Watched]


def _monitor(name: str, watch: _Monitor, deps: tuple[str, ...], description: str) -> dg.AssetsDefinition:
    check = dg.AssetCheckSpec(
        f"{name}_within_policy",
        asset=name,
        description="The bounds of assets/policies/monitoring.yaml hold.",
    )

    @dg.asset(
        code_version=monitors.CODE_VERSION,
        name=name,
        group_name=GROUP,
        deps=[dg.AssetKey(dep) for dep in deps],
        check_specs=[check],
        description=description,
        kinds={"polars"},
    )
    def look(workspace: WorkspaceResource) -> Iterator[dg.MaterializeResult]:
        watched = watch(workspace.open())
        texts = [finding.text for finding in watched.findings]
        findings = {FINDINGS: dg.MetadataValue.json(texts)} if texts else {}
        yield dg.MaterializeResult(
            metadata={"verdict": watched.sentence, **findings, **metadata_of(watched.report)},
            check_results=check_results([watched.checked]),
        )

    return look


MONITORS = [
    _monitor(
        monitors.DATA,
        monitors.watch_data,
        ("products", "interactions"),
        "One row is one column of products or of the log: how it differs from the release's own sample.",
    ),
    _monitor(
        monitors.EMBEDDINGS,
        monitors.watch_embeddings,
        ("products", *map(asset_of, FEATURE_ASSETS)),
        "One row is one modality: how far the catalogue's vectors moved since the release's, or why they"
        " cannot be compared with them.",
    ),
    _monitor(
        monitors.BEHAVIOUR,
        monitors.watch_behaviour,
        ("searches", "interactions"),
        "One row is one figure of the last days' searches beside those of the release: clicks, missing"
        " results, query mix.",
    ),
    _monitor(
        monitors.SEARCHES,
        monitors.watch_searches,
        ("searches", "interactions"),
        "One row is one logged search: answered or not, clicked, bought from; by day in the metadata.",
    ),
]
watch = dg.define_asset_job(
    "watch",
    selection=dg.AssetSelection.groups(GROUP),
    # Four looks of a second each: a process for every one would start for longer than it works.
    executor_def=dg.in_process_executor,
    description="Drift of data, vectors and behaviour since the release; what people do with its answers.",
)
hourly = dg.ScheduleDefinition(
    name="hourly",
    job=watch,
    cron_schedule="15 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Look every hour; what did not change is not measured again.",
)


@dg.definitions
def monitoring() -> dg.Definitions:
    """The monitors, their job and its schedule."""
    return dg.Definitions(assets=MONITORS, jobs=[watch], schedules=[hourly])
