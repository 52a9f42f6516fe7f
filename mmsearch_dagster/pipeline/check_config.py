"""The reviewed files of a run, read before it: a slip in a policy would stop it only after the training."""

from mmsearch_dagster.pipeline.ingest.tables import VALIDATED, suite_file
from mmsearch_dagster.pipeline.release.golden_queries import reviewed_files
from mmsearch_dagster.pipeline.workspace import Workspace


def check_reviewed_files(workspace: Workspace) -> None:
    """Raises ConfigError, with the file, for a preset, policy, suite or golden queries that cannot be read as
    they should."""
    from mmsearch_dagster.adapters.expectations.suite import load_suite

    _ = (workspace.preset, workspace.gate_policy, workspace.business_rules, workspace.media_limits)
    _ = (workspace.monitoring_policy, workspace.trigger_policy, workspace.alert_policy)
    reviewed_files(workspace.assets)
    for table in VALIDATED.values():
        load_suite(suite_file(workspace.assets, table))
