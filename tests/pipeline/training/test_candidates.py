"""Candidates: trained side by side or alone, they are the same; none is trained twice."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
import yaml

from mmsearch_dagster.core.fusion.config import STRATEGIES, Strategy
from mmsearch_dagster.defs.dagster_home import prepare_dagster
from mmsearch_dagster.defs.loading import everything
from mmsearch_dagster.pipeline.training import candidates
from mmsearch_dagster.pipeline.workspace import Workspace
from mmsearch_dagster.settings import ASSETS_VARIABLE
from tests.homes import Place, own_environment
from tests.watchers import recorded

pytestmark = pytest.mark.slow

TWO: tuple[Strategy, ...] = ("weighted", "concat")


def under(place: Place, folder: Path, *, steps: int, strategies: Sequence[Strategy]) -> Workspace:
    """The place's workspace, under a preset of its own."""
    preset = yaml.safe_load((place.assets / "presets" / "run.yaml").read_text(encoding="utf-8"))
    preset["train"]["steps"] = steps
    preset["strategies"] = list(strategies)
    file = folder / "run.yaml"
    file.write_text(yaml.safe_dump(preset), encoding="utf-8")
    return Workspace(replace(place.settings, preset=file), place.assets)


def test_side_by_side_the_weights_are_those_of_a_training_alone(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidates, "_STEPS_WORTH_A_PROCESS", 1)
    monkeypatch.setattr(candidates, "cores", lambda: 2)
    alone = under(place.copy(tmp_path / "fresh"), tmp_path, steps=20, strategies=TWO)
    together = under(place, tmp_path, steps=20, strategies=TWO)
    with recorded() as heard:
        reports = candidates.train_candidates(together, TWO)
    made = {one: together.lake.current(candidates.asset_of(one)).facts["weights"] for one in TWO}

    monkeypatch.setattr(candidates, "cores", lambda: 1)
    again = candidates.train_candidates(alone, TWO)

    assert [one.name for one in reports] == ["fusion_weighted", "fusion_concat"]
    assert all(one.made for one in (*reports, *again))
    assert made == {one: alone.lake.current(candidates.asset_of(one)).facts["weights"] for one in TWO}
    for one in TWO:
        done = [value for what, stage, value in heard.events if (what, stage) == ("advance", f"train {one}")]
        assert sum(map(int, done)) == reports[TWO.index(one)].metrics["steps"]


def test_what_is_trained_is_used_again(place: Place) -> None:
    reports = candidates.train_candidates(place.workspace, STRATEGIES)

    assert [one.name for one in reports] == [candidates.asset_of(one) for one in STRATEGIES]
    assert not any(one.made for one in reports)


def test_a_strategy_that_the_preset_leaves_out_is_not_trained(place: Place, tmp_path: Path) -> None:
    reports = candidates.train_candidates(under(place, tmp_path, steps=60, strategies=TWO), STRATEGIES)

    left = {one.name for one in reports if "left out" in one.note}
    assert left == {"fusion_attention", "fusion_hadamard"}


def test_a_person_can_materialise_one_strategy_alone(place: Place) -> None:
    with own_environment(**{ASSETS_VARIABLE: str(place.assets)}):
        prepare_dagster(place.settings)
        with dg.DagsterInstance.get() as instance:
            result = (
                everything()
                .resolve_job_def("refresh")
                .execute_in_process(instance=instance, asset_selection=[dg.AssetKey("fusion_concat")])
            )

    made = [event.asset_key.to_user_string() for event in result.get_asset_materialization_events()]
    assert made == ["fusion_concat"]
