"""The page that a reviewer opens: figures, gate, slices, answers side by side with small pictures."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import polars as pl

from mmsearch_dagster.core.evaluation.sample_queries import SampleQuery
from mmsearch_dagster.core.gate.decision import Decision
from mmsearch_dagster.core.release import ReleaseManifest

_TEMPLATE = Path(__file__).with_name("review_report.html")
_THUMBNAIL_PIXELS = 96


def review_report(
    manifest: ReleaseManifest,
    sentence: str,
    decision: Decision,
    quality: pl.DataFrame,
    *,
    samples: Sequence[SampleQuery],
    titles: Mapping[str, str],
    pictures: Mapping[str, str],
    drift: Sequence[str] = (),
) -> str:
    """The page as HTML, whole in itself.

    Args:
        manifest: of the version.
        sentence: the verdict.
        decision: the gate's.
        quality: of `core.evaluation.quality_table`.
        samples: queries with the answers of both engines.
        titles: product id -> title.
        pictures: product id -> a small JPEG in base64.
        drift: sentences about how the data differ from the released engine's.
    """
    from jinja2 import Environment

    page = Environment(autoescape=True).from_string(_TEMPLATE.read_text(encoding="utf-8"))
    facts = {
        "release": manifest.release_id,
        "catalogue": manifest.catalogue,
        "strategy": manifest.strategy,
        "encoders": ", ".join(f"{encoder.modality} {encoder.fingerprint}" for encoder in manifest.encoders),
        "follows": manifest.parent or "nothing",
        "policy": decision.policy_digest,
        "evaluated figures": decision.report_digest,
    }
    rows = [[_cell(value) for value in row] for row in quality.iter_rows()]
    return page.render(
        facts=facts,
        sentence=sentence,
        quality={"columns": quality.columns, "rows": rows},
        reasons=decision.reasons,
        samples=samples,
        titles=titles,
        pictures=pictures,
        snapshots=manifest.snapshots,
        drift=drift,
    )


def thumbnail(file: Path) -> str | None:
    """A small JPEG in base64; None for what is no picture."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(file) as image:
            small = image.convert("RGB")
            small.thumbnail((_THUMBNAIL_PIXELS, _THUMBNAIL_PIXELS))
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return None
    buffer = BytesIO()
    small.save(buffer, "JPEG", quality=70)
    return b64encode(buffer.getvalue()).decode()


def _cell(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "" if value is None else str(value)
