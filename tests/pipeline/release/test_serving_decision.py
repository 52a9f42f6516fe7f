"""Once its index is built, a candidate is measured beside the champion, and its stored decision is whole."""

import json
from collections.abc import Mapping

import pytest

from mmsearch_dagster.adapters.registry.tags import facts_again
from mmsearch_dagster.core.errors import GateRefusedError
from mmsearch_dagster.core.gate.serving import IndexFigures, ServingFigures
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.pipeline.release import challenger, serving_decision
from mmsearch_dagster.pipeline.release.measure_serving import index_figures, times_in_turns
from mmsearch_dagster.pipeline.release.release import release
from mmsearch_dagster.pipeline.release.serving_decision import decide_serving
from tests.homes import Place

pytestmark = pytest.mark.slow
ALIKE = IndexFigures(products=54, size_bytes=1_000_000)


def candidate(place: Place) -> ReleaseManifest:
    """A version of the released model and index under another id, as a run leaves it before its pointer."""
    registry, champion = place.workspace.registry, place.manifest()
    decision = registry.decision(champion.model_version)
    assert decision is not None
    assert champion.index is not None
    facts = facts_again(champion, decision, release_id="r-0000000001", parent=champion.release_id)
    version = registry.register_again(champion.model_version, facts)
    registry.attach_index(version, champion.index)
    place.workspace.lake.obtain(
        challenger.ASSET, f"version-{version}", lambda folder: {"model_version": version}
    )
    return registry.manifest(version)


def stored(place: Place, manifest: ReleaseManifest, name: str) -> Mapping[str, object]:
    folder = place.workspace.registry.model_folder(manifest.model_version).parent
    return json.loads((folder / "review" / manifest.release_id / name).read_text())


def test_a_candidate_as_good_as_the_champion_passes_and_its_figures_lie_with_it(place: Place) -> None:
    manifest = candidate(place)
    decision = decide_serving(place.workspace, manifest.model_version, [])

    assert decision is not None
    assert decision.passed
    answers = {reason.rule: reason for reason in decision.reasons}
    assert "every vector is compared" in answers["ann_recall"].text
    assert "1.00 times the champion's" in answers["index_size"].text
    assert "12 queries" in answers["latency"].text
    assert place.workspace.registry.decision(manifest.model_version) == decision
    figures = stored(place, manifest, "serving_figures.json")
    assert ServingFigures.model_validate(figures).digest() == decision.serving_digest
    assert decision.policy_digest


def test_a_candidate_that_is_far_slower_is_refused_and_the_released_engine_answers(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion, manifest = place.manifest(), candidate(place)
    slow = ServingFigures(
        recall=1.0,
        probes=0,
        index=ALIKE,
        champion_index=ALIKE,
        milliseconds=dict.fromkeys("abcdef", 400.0),
        champion_milliseconds=dict.fromkeys("abcdef", 40.0),
    )
    monkeypatch.setattr(serving_decision, "measure_serving", lambda *given: slow)
    decide_serving(place.workspace, manifest.model_version, [])

    with pytest.raises(GateRefusedError, match=r"time of a search: 400 ms, the champion's 40 ms"):
        release(place.workspace)

    assert place.manifest() == champion
    assert place.actions()[-1] == "rejection"
    assert place.actions().count("rejection") == 1


def test_the_released_version_is_not_held_against_itself(place: Place) -> None:
    version = place.manifest().model_version
    before = place.workspace.registry.decision(version)
    assert decide_serving(place.workspace, version, []) == before


def test_a_first_release_says_what_it_cannot_tell(tiny: Place) -> None:
    decision = tiny.workspace.registry.decision(tiny.manifest().model_version)
    assert decision is not None
    assert decision.passed
    unknown = {reason.rule for reason in decision.reasons if reason.cannot_tell}
    assert {"index_size", "latency", "exposure[brand]"} <= unknown
    assert stored(tiny, tiny.manifest(), "serving_figures.json")["recall"] == 1.0


def test_both_engines_are_asked_in_turns(tiny: Place) -> None:
    asked: list[str] = []
    real = tiny.released.engine()

    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

        def search(self, query: Query, *, k: int) -> object:
            asked.append(self.name)
            return real.search(query, k=k)

    own, other = times_in_turns(Named("a"), Named("b"), [Query(text="red mug", query_id="q")])  # type: ignore[arg-type]
    assert asked == ["a", "b", "b", "a", "a", "b"]
    assert own.keys() == other.keys() == {"q"}


def test_the_size_of_an_index_is_that_of_its_own_version(tiny: Place) -> None:
    figures = index_figures(tiny.workspace, tiny.manifest())
    assert figures is not None
    pin = tiny.manifest().index
    assert pin is not None
    assert figures.products == pin.rows
    assert 10_000 < figures.bytes_per_product < 1_000_000
