"""A fine-tuning as people see it: progress in the terminal, a run in MLflow, a chart of its epochs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from mmsearch_dagster.pipeline.workspace import Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.adapters.registry.tracking import MlflowLog
    from mmsearch_dagster.core.finetuning.watch import Watch


@contextmanager
def finetuning_run(
    workspace: Workspace, asset: str, digest: str, params: BaseModel, *, data: tuple[str, int]
) -> "Iterator[tuple[MlflowLog, Watch]]":
    """Around the training of an encoder.

    Args:
        workspace: the home.
        asset: names the run.
        digest: of what is trained.
        params: the recipe.
        data: what it is trained on, and how many of it.

    Yields:
        The run, and what the training reports its batches and epochs to.
    """
    from mmsearch_dagster.core.finetuning.watch import Watch

    parent = workspace.tracking.refresh(digest)
    with workspace.tracking.strategy(parent, asset) as log:
        log.params({name: str(value) for name, value in params.model_dump().items()})
        log.dataset(data[0], digest, data[1])

        def log_epoch(metrics: Any) -> None:
            for name, value in asdict(metrics).items():
                if name in ("loss", "accuracy", "held_out") and value is not None:
                    log.curve(name, metrics.epoch, value)

        yield log, Watch(lambda count: workspace.progress.advance(asset, count), log_epoch)
    workspace.tracking.finish(parent)


def epochs_chart(curve: Sequence[Any], lines: Mapping[str, str], title: str) -> bytes:
    """A PNG of what was measured after each epoch.

    Args:
        curve: records of the epochs.
        lines: name of a metric -> what the chart calls it; a metric without any value has no line.
        title: of the chart.
    """
    from mmsearch_dagster.adapters.reports.charts import curves

    points = {
        shown: [(each.epoch, value) for each in curve if (value := getattr(each, name)) is not None]
        for name, shown in lines.items()
    }
    return curves({shown: line for shown, line in points.items() if line}, title=title, y_label="")
