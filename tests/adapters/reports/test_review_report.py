"""The page that a reviewer opens."""

from pathlib import Path

import polars as pl
from PIL import Image

from mmsearch_dagster.adapters.reports.review_report import review_report, thumbnail
from mmsearch_dagster.core.evaluation.sample_queries import SampleQuery
from mmsearch_dagster.core.gate.decision import Decision, Reason
from mmsearch_dagster.core.release import ReleaseManifest, RetrievalParams


def test_the_champion_stands_on_the_left_with_small_pictures_and_nothing_is_markup(tmp_path: Path) -> None:
    Image.new("RGB", (400, 300), (200, 0, 0)).save(tmp_path / "a.png")
    picture = thumbnail(tmp_path / "a.png")
    assert picture is not None
    manifest = ReleaseManifest(
        release_id="r-1",
        catalogue="shop",
        model_version=1,
        strategy="concat",
        weights_sha256="w",
        encoders=(),
        retrieval=RetrievalParams(),
        snapshots={"products": "abc"},
    )
    reason = Reason(
        rule="slice[cold_items]", passed=False, figure=0, limit=0, text="few", binding=False, cannot_tell=True
    )
    floor = Reason(rule="floor", passed=True, figure=1, limit=0, text="fine")
    decision = Decision(
        passed=True, reasons=(floor, reason), weights_sha256="w", report_digest="r", policy_digest="p"
    )
    sample = SampleQuery(
        query_id="q", text="<b>red</b>", difference=-0.5, candidate=("P2",), champion=("P1",)
    )
    page = review_report(
        manifest,
        "Passed.",
        decision,
        pl.DataFrame({"kind": ["all"], "ndcg@10": [0.5]}),
        samples=[sample],
        titles={"P1": "Red shoe", "P2": "Blue shoe"},
        pictures={"P1": picture},
        drift=["price (PSI 0.31 > 0.25)"],
    )
    assert page.index("Red shoe") < page.index("Blue shoe")
    assert "&lt;b&gt;red&lt;/b&gt;<br>-0.500" in page
    assert f"data:image/jpeg;base64,{picture}" in page
    assert "cannot tell" in page
    assert "<li>price (PSI 0.31 &gt; 0.25)</li>" in page
    assert thumbnail(tmp_path / "none.png") is None
