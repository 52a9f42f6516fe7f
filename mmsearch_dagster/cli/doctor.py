"""What is installed, where data lies, which encoders load."""

import tempfile
import time
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.pipeline.home import in_words, recall
from mmsearch_dagster.serving.open_release import Released
from mmsearch_dagster.settings import Settings, assets_folder

_PACKAGES = (
    "mmsearch-dagster",
    "dagster",
    "torch",
    "torchvision",
    "transformers",
    "timm",
    "onnxruntime",
    "mlflow",
    "lancedb",
    "polars",
    "great-expectations",
)


def installed() -> list[tuple[str, str]]:
    """Package and version."""
    packages = []
    for name in _PACKAGES:
        try:
            packages.append((name, version(name)))
        except PackageNotFoundError:
            packages.append((name, "missing: run `make install`"))
    return packages


def file_locations(settings: Settings, released: Released) -> list[tuple[str, str]]:
    """Where data is stored, what a run without options does, and what is released."""
    paths = settings.paths
    options = in_words(recall(settings.home))
    rows = [("home", str(settings.home)), ("runs with", options), ("assets", str(assets_folder()))]
    for name in ("lake", "features", "mlflow", "index", "dagster", "reports"):
        folder = getattr(paths, name)
        rows.append((name, f"{folder}{'' if folder.exists() else ' (not there yet)'}"))
    warning = released.warning()
    rows.append(("release", released.release_id() or "none yet"))
    return [*rows, *([("warning", warning)] if warning else [])]


def encoders(settings: Settings) -> list[tuple[str, str, bool]]:
    """Modality, what happened when it was loaded and called once, and whether that succeeded."""
    if settings.home.is_dir():
        return _tried(settings)
    with tempfile.TemporaryDirectory() as elsewhere:  # looking makes no home
        return _tried(replace(settings, home=Path(elsewhere)))


def _tried(settings: Settings) -> list[tuple[str, str, bool]]:
    from mmsearch_dagster.adapters.feature_store.feature_store import text_content
    from mmsearch_dagster.pipeline.workspace import Workspace

    workspace = Workspace(settings)
    rows = []
    for spec in workspace.preset.encoders:
        began = time.perf_counter()
        try:
            encoder = workspace.loader(spec)()
            done = list(encoder.encode([text_content("one try")])) if spec.modality == "text" else []
            width = encoder.identity.width
            shown = (
                f"{spec.library} {spec.model}: width {width}, loads in {time.perf_counter() - began:.1f} s"
            )
            rows.append((spec.modality, shown, not done or done[0].vectors.shape[1] == width))
        except MmsearchError as error:
            rows.append((spec.modality, str(error), False))
    return rows
