"""What a reviewer reads about a version."""

import polars as pl

from mmsearch_dagster.core.evaluation.model_card import ModelCard
from mmsearch_dagster.core.evaluation.review_page import review_page
from mmsearch_dagster.core.gate.decision import Decision, Reason
from mmsearch_dagster.core.release import EncoderIdentity


def reason(rule: str, *, passed: bool = True, cannot_tell: bool = False) -> Reason:
    return Reason(
        rule=rule,
        passed=passed,
        figure=0.5,
        limit=0.1,
        text=f"{rule} in words",
        binding=not cannot_tell,
        cannot_tell=cannot_tell,
    )


QUALITY = pl.DataFrame(
    {
        "kind": ["all", "all", "words"],
        "branch": ["released engine", "champion", "released engine"],
        "queries": [40, 40, 30],
        "ndcg@10": [0.8123, 0.8, 0.7],
    }
)


def test_the_page_says_the_verdict_the_figures_the_refusals_first_and_how_to_decide() -> None:
    reasons = (
        reason("floor"),
        reason("champion", passed=False),
        reason("slice[cold_items]", passed=False, cannot_tell=True),
    )
    decision = Decision(
        passed=False, reasons=reasons, weights_sha256="w", report_digest="r", policy_digest="p"
    )
    page = review_page("Refused.", QUALITY, decision, {"products": "abcdef0123456789"}, metric="ndcg@10")
    lines = page.splitlines()
    assert lines[0] == "Refused."
    assert "| all (40) | 0.8123 | 0.8000 | +0.0123 |" in lines
    assert "| words (30) | 0.7000 | - | - |" in lines
    assert lines.index("- **NO** `champion`: champion in words") < lines.index("- ok `floor`: floor in words")
    assert "- **cannot tell**: `slice[cold_items]`" in lines
    assert "- products `abcdef0123`" in lines
    assert "set the tag `review` to `approved` or `rejected`" in page


def test_without_figures_the_page_is_still_one() -> None:
    decision = Decision(
        passed=True, reasons=(reason("floor"),), weights_sha256="w", report_digest="r", policy_digest="p"
    )
    empty = pl.DataFrame(schema={"kind": pl.String, "branch": pl.String, "queries": pl.Int64})
    assert "by kind of query" not in review_page("Passed.", empty, decision, {}, metric="ndcg@10")


def test_the_page_fits_into_mlflows_table() -> None:
    reasons = tuple(reason(f"slice[category={number}]") for number in range(400))
    decision = Decision(
        passed=True, reasons=reasons, weights_sha256="w", report_digest="r", policy_digest="p"
    )
    page = review_page("Passed.", QUALITY, decision, {"products": "abc"}, metric="ndcg@10")
    assert len(page) <= 5000
    assert "`slice[category=29]` and 370 more" in page
    assert page.endswith("- products `abc`"), "nothing is cut off"


def test_a_reviewer_reads_what_moved_in_the_data_and_what_the_model_is_for() -> None:
    decision = Decision(
        passed=True,
        reasons=(reason("floor"), reason("slice[kind=voice]", passed=False, cannot_tell=True)),
        weights_sha256="w",
        report_digest="r",
        policy_digest="p",
    )
    card = ModelCard(
        catalogue="shoes",
        strategy="concat",
        encoders=(EncoderIdentity(modality="text", fingerprint="f", width=8, spec={"model": "minilm"}),),
        ranking="linear",
        rows={"products": 1200},
        queries=128,
        provenance="judged",
        decision=decision,
    )
    drift = ["price (PSI 0.31)", "image is not compared: another encoder"]
    page = review_page("Passed.", QUALITY, decision, {}, metric="ndcg@10", drift=drift, card=card)
    assert "### Drift since the released engine\n\n- price (PSI 0.31)\n- image is not compared" in page
    assert "fusion `concat`, over text `minilm`, results ordered by a learned ranker (linear)." in page
    assert "searching and recommending in the catalogue `shoes`" in page
    assert "1,200 products; people are pseudonyms" in page
    assert "128 queries, judged by people" in page
    assert "no rule of the gate is broken; 1 rules had too little to judge by" in page
