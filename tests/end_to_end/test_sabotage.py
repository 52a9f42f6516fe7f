"""Random weights are refused: in the run, in a later run, and where no check is asked."""

import shutil
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
import yaml

from mmsearch_dagster.core.errors import GateRefusedError
from mmsearch_dagster.defs.dagster_home import prepare_dagster
from mmsearch_dagster.defs.loading import everything
from mmsearch_dagster.pipeline.evaluation.evaluate import evaluate
from mmsearch_dagster.pipeline.personalisation.profiles import make_profiles
from mmsearch_dagster.pipeline.personalisation.ranker import train_ranker
from mmsearch_dagster.pipeline.release.challenger import register
from mmsearch_dagster.pipeline.release.index_version import build_index, raise_if_failed
from mmsearch_dagster.pipeline.release.release import release
from mmsearch_dagster.settings import ASSETS_VARIABLE
from tests.end_to_end.spoiled import spoil_candidates
from tests.homes import Place, own_environment
from tests.shops import REVIEWED

pytestmark = pytest.mark.slow


@pytest.fixture
def sabotaged(place: Place, tmp_path: Path) -> Place:
    """The released home with random weights in the place of every candidate's, under the product's own rule
    for champions: other tests spare small shops from it."""
    assets = shutil.copytree(place.assets, tmp_path / "assets")
    gate, product = (folder / "policies" / "gate.yaml" for folder in (assets, REVIEWED))
    policy, strict = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in (gate, product))
    gate.write_text(yaml.safe_dump({**policy, "champion": strict["champion"]}), encoding="utf-8")
    spoil_candidates(place)
    return replace(place, assets=assets)


def evaluate_all(place: Place) -> None:
    """Everything up to the registration: what it registers must belong together."""
    evaluate(place.workspace)
    make_profiles(place.workspace)
    train_ranker(place.workspace)


def unmoved(place: Place, tiny: Place) -> None:
    assert place.manifest() == tiny.manifest()
    assert place.actions() == ["promotion", "rejection"]
    assert "against the champion" in place.ledger()


def materialise(place: Place, *assets: str) -> dg.ExecuteInProcessResult:
    """One run of these assets alone, as somebody selects them in the UI."""
    with own_environment(**{ASSETS_VARIABLE: str(place.assets)}):
        prepare_dagster(place.settings)
        job = dg.define_asset_job("part", dg.AssetSelection.assets(*assets))
        loaded = dg.Definitions.merge(everything(), dg.Definitions(jobs=[job]))
        with dg.DagsterInstance.get() as instance:
            return loaded.resolve_job_def("part").execute_in_process(instance=instance, raise_on_error=False)


def test_in_the_same_run(sabotaged: Place, tiny: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert sabotaged.run() == 1

    unmoved(sabotaged, tiny)
    told = capsys.readouterr()
    assert len(told.err.strip().splitlines()) == 1
    assert "no new model was released" in told.err
    assert "Gate: refused" in told.out


def test_in_later_runs_of_single_assets(sabotaged: Place, tiny: Place) -> None:
    evaluate_all(sabotaged)

    together = materialise(sabotaged, "challenger", "search_index", "release")
    assert not together.success
    assert "release" not in {event.step_key for event in together.get_step_success_events()}
    unmoved(sabotaged, tiny)

    assert materialise(sabotaged, "search_index").success  # an unserved version harms nobody
    alone = materialise(sabotaged, "release")
    assert not alone.success
    assert "GateRefusedError" in str(alone.failure_data_for_node("release"))
    unmoved(sabotaged, tiny)


def test_where_the_asset_with_the_check_is_skipped(sabotaged: Place, tiny: Place) -> None:
    skipped = materialise(sabotaged, "evaluation_report", "search_index", "release")

    assert skipped.success  # what was released stays released
    assert sabotaged.manifest() == tiny.manifest()
    assert sabotaged.actions() == ["promotion"]


def test_where_no_check_is_asked(sabotaged: Place, tiny: Place) -> None:
    evaluate_all(sabotaged)
    _, decision = register(sabotaged.workspace)
    assert not decision.passed
    _, outcomes = build_index(sabotaged.workspace)
    raise_if_failed(outcomes)

    with pytest.raises(GateRefusedError, match="against the champion"):
        release(sabotaged.workspace)

    unmoved(sabotaged, tiny)
