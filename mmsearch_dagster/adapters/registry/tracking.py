"""MLflow tracking: one parent run per refresh, one child per strategy."""

import json
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from mmsearch_dagster.adapters.registry.store import MlflowStore, living_run
from mmsearch_dagster.core.fusion.training_log import Param

_REFRESH = "mmsearch.refresh"
# On a run: the evaluation whose figures it holds.
_EVALUATION = "mmsearch.evaluation"
_PARENT = "mlflow.parentRunId"
_NAME = "mlflow.runName"
# What one call of log_batch takes.
_METRICS_PER_BATCH = 1000
_PARAMS_PER_BATCH = 100
_LONGEST_PARAM = 6000
_NOT_IN_A_NAME = re.compile(r"[^\w.\-/ :]")


def metric_name(name: str) -> str:
    """A name MLflow accepts: `ndcg@10` becomes `ndcg_at_10`.

    >>> metric_name("photo → product/ndcg@10")
    'photo _ product/ndcg_at_10'
    """
    return _NOT_IN_A_NAME.sub("_", name.replace("@", "_at_"))


@dataclass
class MlflowLog:
    """A TrainingLog that becomes one MLflow run; kept in memory and written in batches by `flush`."""

    store: MlflowStore
    run_id: str
    _params: dict[str, str] = field(default_factory=dict)
    _points: list[tuple[str, float, int, int]] = field(default_factory=list)

    def params(self, values: Mapping[str, Param]) -> None:
        self._params.update({metric_name(k): str(v)[:_LONGEST_PARAM] for k, v in values.items()})

    def curve(self, name: str, step: int, value: float) -> None:
        self._points.append((metric_name(name), float(value), int(time.time() * 1000), step))

    def metrics(self, values: Mapping[str, float]) -> None:
        """Final metrics, one value each."""
        for name, value in values.items():
            self.curve(name, 0, value)

    def figure(self, name: str, image: Any) -> None:
        """Kept as `figures/<name>.png`."""
        content = image
        if not isinstance(image, bytes):
            buffer = BytesIO()
            image.savefig(buffer, format="png")
            content = buffer.getvalue()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{metric_name(name).replace('/', '_')}.png"
            path.write_bytes(content)
            self.store.connect().log_artifact(self.run_id, str(path), "figures")

    def table(self, name: str, csv: str) -> None:
        """Kept as `tables/<name>.csv`, which MLflow's page shows."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{metric_name(name).replace('/', '_')}.csv"
            path.write_text(csv, encoding="utf-8")
            self.store.connect().log_artifact(self.run_id, str(path), "tables")

    def dataset(self, name: str, digest: str, rows: int) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag
        from mlflow.exceptions import MlflowException

        dataset = Dataset(
            name=name,
            digest=digest[:36],
            source_type="local",
            source=json.dumps({"snapshot": f"{name}/{digest}"}),
            profile=json.dumps({"num_rows": rows}),
        )
        tags = [InputTag("mlflow.data.context", "training")]
        client, inputs = self.store.connect(), [DatasetInput(dataset, tags)]
        try:
            client.log_inputs(self.run_id, inputs)
        except MlflowException:
            # Another process noted the same dataset in the same moment; now it is there to be found.
            client.log_inputs(self.run_id, inputs)

    def flush(self) -> None:
        """Write what was gathered."""
        from mlflow.entities import Metric, Param

        client = self.store.connect()
        params = [Param(name, value) for name, value in self._params.items()]
        points = [Metric(*point) for point in self._points]
        for start in range(0, len(params), _PARAMS_PER_BATCH):
            client.log_batch(self.run_id, params=params[start : start + _PARAMS_PER_BATCH])
        for start in range(0, len(points), _METRICS_PER_BATCH):
            client.log_batch(self.run_id, metrics=points[start : start + _METRICS_PER_BATCH])
        self._params.clear()
        self._points.clear()


class Tracking:
    """Runs of one home. Refreshes are named by a key, so separate processes find the same parent."""

    def __init__(self, store: MlflowStore) -> None:
        self._store = store

    def refresh(self, key: str, *, tags: Mapping[str, str] | None = None) -> str:
        """Run id of the parent of that refresh, made when it does not exist yet."""
        run_id = self.parent(key)
        if run_id is not None:
            return run_id
        client, experiment = self._store.connect(), self._store.experiment_id()
        facts = {_REFRESH: key, **(tags or {})}
        return client.create_run(experiment, tags=facts, run_name=f"refresh {key}").info.run_id

    def parent(self, key: str) -> str | None:
        """Run id of the parent of that refresh, None where there is none or somebody deleted it."""
        client, experiment = self._store.connect(), self._store.experiment_id()
        runs = client.search_runs([experiment], f"tags.`{_REFRESH}` = '{key}'", max_results=1)
        return runs[0].info.run_id if runs else None

    @contextmanager
    def strategy(self, parent: str, name: str) -> Iterator[MlflowLog]:
        """A child run called `name`: finished when the block ends, failed when it raises.

        One of the same name that a killed process left running is marked as killed.
        """
        client, experiment = self._store.connect(), self._store.experiment_id()
        query = f"tags.`{_PARENT}` = '{parent}' and attributes.status = 'RUNNING'"
        for leftover in client.search_runs([experiment], query):
            if leftover.info.run_name == name:
                client.set_terminated(leftover.info.run_id, "KILLED")
        tags = {_PARENT: parent, _NAME: name}
        log = MlflowLog(self._store, client.create_run(experiment, tags=tags).info.run_id)
        status = "FAILED"
        try:
            yield log
            status = "FINISHED"
        finally:
            log.flush()
            client.set_terminated(log.run_id, status)

    def evaluated(
        self, run_id: str, report: str, metrics: Mapping[str, float], image: bytes | None = None
    ) -> bool:
        """Add one evaluation's figures, and its picture, to a run. False where the run was deleted.

        report: names the evaluation; what a run holds already is not written again.
        """
        client = self._store.connect()
        run = living_run(client, run_id)
        if run is None:
            return False
        if run.data.tags.get(_EVALUATION) != report:
            log = MlflowLog(self._store, run_id)
            log.metrics(metrics)
            log.flush()
            if image is not None:
                log.figure("quality", image)
            client.set_tag(run_id, _EVALUATION, report)  # last: a killed process begins again
        return True

    def finish(self, run_id: str) -> None:
        """End a parent run, where it has not ended."""
        client = self._store.connect()
        if client.get_run(run_id).info.status == "RUNNING":
            client.set_terminated(run_id, "FINISHED")
