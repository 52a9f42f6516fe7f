import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.registry.ledger import Ledger
from mmsearch_dagster.adapters.registry.pointer import read_pointer
from mmsearch_dagster.adapters.registry.registry import CHAMPION, Registry
from mmsearch_dagster.adapters.registry.store import MlflowStore
from mmsearch_dagster.adapters.registry.tags import DECISION, INDEX, MANIFEST, MOVE, VersionFacts
from mmsearch_dagster.adapters.registry.tracking import Tracking
from mmsearch_dagster.adapters.registry.versions import MODEL_NAME
from mmsearch_dagster.core.errors import (
    GateRefusedError,
    NoReleaseError,
    OtherEncoderError,
    ReleaseMismatchError,
)
from mmsearch_dagster.core.fusion.config import FusionSpec
from mmsearch_dagster.core.fusion.model import TwoTower, save_model
from mmsearch_dagster.core.gate.decision import Decision, Reason
from mmsearch_dagster.core.release import EncoderIdentity, IndexPin, RetrievalParams
from mmsearch_dagster.serving.open_release import Released

pytestmark = pytest.mark.slow

PIN = IndexPin(table="demo", tag="r", version=1, rows=5, vector_index="none", measured_recall=1.0)


class Killed(BaseException):
    """What SIGKILL looks like from inside a test."""


def decision(sha256: str, *, passed: bool = True) -> Decision:
    reason = Reason(rule="floor", passed=passed, figure=0.5, limit=0.1, text=f"ndcg@10 0.5, passed {passed}")
    return Decision(
        passed=passed, reasons=(reason,), weights_sha256=sha256, report_digest="d", policy_digest="p"
    )


class Shop:
    """One home with a registry, and a way to register made-up releases."""

    def __init__(self, store: MlflowStore, folder: Path) -> None:
        self.store, self.folder = store, folder
        now = datetime(2026, 11, 22, tzinfo=UTC)
        self.ledger = Ledger(folder / "ledger.ndjson", clock=lambda: now, user=lambda: "li")
        self.registry = Registry(store, self.ledger)

    def model(self, seed: int) -> tuple[Path, str]:
        widths = {"text": 6}
        spec = FusionSpec(
            strategy="concat", item_widths=widths, query_widths=widths, width=4, hidden=4, seed=seed
        )
        folder = self.folder / f"model-{seed}"
        return folder, save_model(TwoTower(spec), folder)

    def facts(self, seed: int, sha256: str, *, passed: bool = True) -> VersionFacts:
        text = EncoderIdentity(
            modality="text",
            fingerprint="f-text",
            width=6,
            spec={"modality": "text", "library": "transformers"},
        )
        return VersionFacts(
            release_id=f"r-{seed}",
            catalogue="店",
            strategy="concat",
            weights_sha256=sha256,
            encoders=(text,),
            snapshots={"products": "abc"},
            retrieval=RetrievalParams(weights={"words": {"lexical": 0.5}}),
            decision=decision(sha256, passed=passed),
        )

    def add(self, seed: int, *, passed: bool = True, index: bool = True) -> int:
        folder, sha256 = self.model(seed)
        version = self.registry.register(folder, self.facts(seed, sha256, passed=passed))
        if index:
            self.registry.attach_index(version, PIN)
        return version

    def champion(self) -> str | None:
        found = self.registry.champion()
        return found.release_id if found else None

    def actions(self) -> list[tuple[str, str]]:
        return [(line.action, line.release_id) for line in self.ledger.lines()]


def pointed_version(shop: Shop) -> tuple[int, str]:
    """What the reader without MLflow reads; its folder must be the one that MLflow names."""
    pointed = read_pointer(shop.store.folder, MODEL_NAME, CHAMPION)
    assert pointed is not None
    version = pointed.manifest.model_version
    assert pointed.manifest == shop.registry.champion()
    assert pointed.folder == shop.registry.model_folder(version)
    return version, pointed.manifest.release_id


@pytest.fixture
def shop(mlflow_store: MlflowStore, tmp_path: Path) -> Shop:
    return Shop(mlflow_store, tmp_path)


def test_a_new_home_has_no_champion_and_no_releases(shop: Shop) -> None:
    assert shop.registry.champion() is None
    assert shop.registry.releases() == []
    with pytest.raises(NoReleaseError, match="no version 1"):
        shop.registry.manifest(1)


def test_a_version_is_described_and_the_description_follows_its_decision(shop: Shop) -> None:
    folder, sha256 = shop.model(1)
    facts = shop.facts(1, sha256)
    for sentence in ("Strategy concat, passed.", "Strategy concat, refused."):
        version = shop.registry.register(folder, facts.model_copy(update={"description": sentence}))
        assert shop.store.connect().get_model_version(MODEL_NAME, str(version)).description == sentence
    assert "concat, " not in shop.registry.manifest(version).model_dump_json()


def test_a_version_is_registered_also_when_the_run_that_trained_it_was_deleted(shop: Shop) -> None:
    runs = Tracking(shop.store)
    with runs.strategy(runs.refresh("r"), "concat") as log:
        pass
    shop.store.connect().delete_run(log.run_id)
    folder, sha256 = shop.model(1)

    version = shop.registry.register(folder, shop.facts(1, sha256).model_copy(update={"run_id": log.run_id}))

    assert (shop.registry.model_folder(version) / "weights.safetensors").exists()


def test_a_registered_version_tells_everything_a_reader_needs(shop: Shop) -> None:
    version = shop.add(1)
    manifest = shop.registry.manifest(version)
    assert (manifest.release_id, manifest.catalogue, manifest.model_version) == ("r-1", "店", version)
    assert manifest.encoders[0].fingerprint == "f-text"
    assert manifest.retrieval.weights == {"words": {"lexical": 0.5}}
    assert manifest.index == PIN
    stored = shop.registry.decision(version)
    assert stored is not None
    assert stored.passed
    files = sorted(path.name for path in shop.registry.model_folder(version).iterdir())
    assert files == ["encoders.json", "model.json", "weights.safetensors"]


def test_nothing_of_a_version_is_pickled_and_its_requirements_are_pinned(shop: Shop) -> None:
    folder = shop.registry.model_folder(shop.add(1)).parent
    assert not [path for path in folder.rglob("*") if path.suffix in {".pkl", ".pickle", ".pt", ".bin"}]
    requirements = (folder / "requirements.txt").read_text()
    assert all("==" in line for line in requirements.splitlines())
    assert "torch==" in requirements
    assert "signature" in (folder / "MLmodel").read_text()
    assert (folder / "input_example.json").exists()


def test_the_same_release_is_registered_once_and_keeps_its_newest_decision(shop: Shop) -> None:
    version = shop.add(1, passed=False)
    assert shop.add(1, passed=True) == version
    stored = shop.registry.decision(version)
    assert stored is not None
    assert stored.passed
    assert len(shop.registry.releases()) == 1


def test_a_version_whose_files_are_damaged_is_replaced(shop: Shop) -> None:
    broken = shop.add(1)
    shutil.rmtree(shop.registry.model_folder(broken))
    assert shop.add(1) != broken


def test_weights_that_are_not_the_named_ones_are_not_registered(shop: Shop) -> None:
    folder, _ = shop.model(1)
    with pytest.raises(ReleaseMismatchError, match="sha256"):
        shop.registry.register(folder, shop.facts(1, "0" * 64))


def test_registering_leaves_a_running_training_run_running(shop: Shop) -> None:
    folder, sha256 = shop.model(1)
    run_id = Tracking(shop.store).refresh("now")
    facts = shop.facts(1, sha256).model_copy(update={"run_id": run_id})
    version = shop.registry.register(folder, facts)
    client = shop.store.connect()
    assert client.get_run(run_id).info.status == "RUNNING"
    assert client.get_model_version(MODEL_NAME, str(version)).run_id == run_id


def test_promotion_moves_the_pointer_and_writes_one_line(shop: Shop) -> None:
    version = shop.add(1)
    move = shop.registry.promote(version, reason="nightly")
    assert move.moved
    assert shop.champion() == "r-1"
    line = shop.ledger.lines()[0]
    assert (line.who, line.why, line.figures) == ("li", "nightly", {"floor": 0.5})
    assert not shop.registry.promote(version, reason="again").moved
    assert shop.actions() == [("promotion", "r-1")]


def test_a_refused_decision_moves_nothing_however_often_and_whoever_asks(shop: Shop) -> None:
    good, bad = shop.add(1), shop.add(2, passed=False)
    shop.registry.promote(good, reason="")
    for registry in (shop.registry, Registry(shop.store, shop.ledger)):
        with pytest.raises(GateRefusedError, match=r"r-2 .*ndcg@10 0\.5, passed False"):
            registry.promote(bad, reason="")
    assert shop.champion() == "r-1"
    assert shop.actions() == [("promotion", "r-1"), ("rejection", "r-2")]


def _borrow_a_pass(shop: Shop, version: int) -> None:
    other = decision("f" * 64).to_json()
    shop.store.connect().set_model_version_tag(MODEL_NAME, str(version), DECISION, other)


def _forge_a_pass(shop: Shop, version: int) -> None:
    forged = '{"passed": true, "reasons": []}'
    shop.store.connect().set_model_version_tag(MODEL_NAME, str(version), DECISION, forged)


def _lose_the_decision(shop: Shop, version: int) -> None:
    shop.store.connect().delete_model_version_tag(MODEL_NAME, str(version), DECISION)


def _swap_the_weights(shop: Shop, version: int) -> None:
    folder, _ = shop.model(99)
    shutil.copy(folder / "weights.safetensors", shop.registry.model_folder(version))


def _lose_the_index(shop: Shop, version: int) -> None:
    shop.store.connect().delete_model_version_tag(MODEL_NAME, str(version), INDEX)


@pytest.mark.parametrize(
    ("sabotage", "sentence"),
    [
        (_borrow_a_pass, "its stored decision is about other weights"),
        (_forge_a_pass, "no gate decision is stored with it"),
        (_lose_the_decision, "no gate decision is stored with it"),
        (_swap_the_weights, "the weights of model version 1 are"),
        (_lose_the_index, "no index version is attached to it"),
    ],
)
def test_a_sabotaged_version_is_refused_with_the_reason(
    shop: Shop, sabotage: Callable[[Shop, int], None], sentence: str
) -> None:
    version = shop.add(1)
    sabotage(shop, version)
    with pytest.raises(GateRefusedError, match=sentence):
        shop.registry.promote(version, reason="")
    assert shop.champion() is None
    assert shop.actions() == [("rejection", "r-1")]


def test_rollback_moves_back_and_withdraws_what_it_leaves(shop: Shop) -> None:
    first, second = shop.add(1), shop.add(2)
    shop.registry.promote(first, reason="")
    shop.registry.promote(second, reason="")
    assert shop.registry.rollback("r-1", reason="worse on shoes").moved
    assert shop.champion() == "r-1"
    assert pointed_version(shop) == (first, "r-1")
    assert shop.registry.withdrawn(second) == "worse on shoes"
    with pytest.raises(GateRefusedError, match="withdrawn \\(worse on shoes\\); `mmsearch rollback r-2`"):
        shop.registry.promote(second, reason="nightly")
    assert shop.champion() == "r-1"
    assert shop.registry.rollback("r-2", reason="it was the data").moved
    assert shop.champion() == "r-2"
    assert pointed_version(shop) == (second, "r-2")
    assert shop.registry.withdrawn(second) is None
    assert shop.actions() == [
        ("promotion", "r-1"),
        ("promotion", "r-2"),
        ("rollback", "r-1"),
        ("rejection", "r-2"),
        ("rollback", "r-2"),
    ]


def test_rollback_goes_only_to_what_was_released_and_still_is_whole(shop: Shop) -> None:
    first, second, _ = shop.add(1), shop.add(2), shop.add(3)
    shop.registry.promote(first, reason="")
    shop.registry.promote(second, reason="")
    with pytest.raises(NoReleaseError, match="'r-3' was never released here; did you mean 'r-2'"):
        shop.registry.rollback("r-3", reason="")
    _swap_the_weights(shop, first)
    with pytest.raises(GateRefusedError, match="cannot be served again"):
        shop.registry.rollback("r-1", reason="")
    assert not shop.registry.rollback("r-2", reason="is there already").moved
    assert shop.champion() == "r-2"


def test_a_release_that_a_later_comparison_refuses_can_be_rolled_back_to(shop: Shop) -> None:
    first, second = shop.add(1), shop.add(2)
    shop.registry.promote(first, reason="")
    shop.registry.promote(second, reason="")
    assert shop.add(1, passed=False) == first  # evaluated again, against r-2
    with pytest.raises(GateRefusedError, match=r"ndcg@10 0\.5, passed False"):
        shop.registry.promote(first, reason="nightly")
    assert shop.champion() == "r-2"
    assert shop.registry.rollback("r-1", reason="r-2 has to go").moved
    assert shop.champion() == "r-1"


def test_a_refused_version_that_was_served_by_hand_is_no_way_back(shop: Shop) -> None:
    refused, good = shop.add(1, passed=False), shop.add(2)
    shop.store.connect().set_registered_model_alias(MODEL_NAME, "champion", str(refused))
    shop.registry.promote(good, reason="")
    assert shop.actions() == [("promotion", "r-1"), ("promotion", "r-2")]
    with pytest.raises(GateRefusedError, match=r"r-1 cannot be served again: ndcg@10 0\.5, passed False"):
        shop.registry.rollback("r-1", reason="")
    assert shop.champion() == "r-2"


@pytest.mark.parametrize("step", ["set_registered_model_alias", "append", "delete_model_version_tag"])
@pytest.mark.parametrize("action", ["promotion", "rollback"])
def test_a_move_that_was_killed_is_finished_by_the_next(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, step: str, action: str
) -> None:
    first, second = shop.add(1), shop.add(2)
    shop.registry.promote(first, reason="")
    if action == "rollback":
        shop.registry.promote(second, reason="")

    def move() -> object:
        if action == "rollback":
            return shop.registry.rollback("r-1", reason="worse")
        return shop.registry.promote(second, reason="better")

    def die(*_args: object, **_kwargs: object) -> None:
        raise Killed

    before = shop.champion()
    with monkeypatch.context() as patch:
        patch.setattr(Ledger if step == "append" else type(shop.store.connect()), step, die)
        with pytest.raises(Killed):
            move()
    # Readers see the old release or the new one.
    expected = "r-1" if action == "rollback" else "r-2"
    assert shop.champion() == (before if step == "set_registered_model_alias" else expected)
    move()
    assert shop.champion() == expected
    moves = [line for line in shop.ledger.lines() if line.release_id == expected]
    assert [(line.action, line.why) for line in moves][-1] == (
        action,
        "worse" if action == "rollback" else "better",
    )
    assert len(shop.actions()) == (3 if action == "rollback" else 2)
    assert (shop.registry.withdrawn(second) == "worse") == (action == "rollback")
    champion = shop.store.connect().get_model_version_by_alias(MODEL_NAME, "champion")
    assert MOVE not in champion.tags


def test_a_pointer_moved_by_hand_is_noticed(shop: Shop) -> None:
    first, second = shop.add(1), shop.add(2)
    shop.registry.promote(first, reason="")
    shop.store.connect().set_registered_model_alias(MODEL_NAME, "champion", str(second))
    shop.registry.promote(second, reason="nightly")
    assert shop.ledger.lines()[-1].by_hand


def test_a_reason_worded_like_a_move_by_hand_is_still_a_promotion(shop: Shop) -> None:
    first, second = shop.add(1), shop.add(2)
    shop.registry.promote(first, reason="the pointer was moved outside mmsearch")
    shop.registry.promote(second, reason="nightly")
    assert shop.add(1, passed=False) == first  # evaluated again, against r-2
    shop.registry.rollback("r-1", reason="worse")
    assert shop.champion() == "r-1"


def test_the_list_says_what_became_of_each_version(shop: Shop) -> None:
    versions = [shop.add(1), shop.add(2), shop.add(3, passed=False), shop.add(4), shop.add(5)]
    shop.registry.promote(versions[0], reason="")
    shop.registry.promote(versions[1], reason="")
    shop.registry.set_challenger(versions[3])
    rows = shop.registry.releases()
    assert [(row.manifest.release_id, row.status) for row in rows] == [
        ("r-5", "candidate"),
        ("r-4", "challenger"),
        ("r-3", "refused"),
        ("r-2", "champion"),
        ("r-1", "previous"),
    ]
    assert all(row.created.endswith("+00:00") for row in rows)
    shop.registry.rollback("r-1", reason="worse")
    assert [(row.status, row.withdrawn_because) for row in shop.registry.releases()[3:]] == [
        ("withdrawn", "worse"),
        ("champion", None),
    ]


def test_a_release_whose_encoders_are_not_here_is_not_rolled_back_to(
    shop: Shop, mlflow_store: MlflowStore, tmp_path: Path
) -> None:
    for seed in (1, 2):
        shop.registry.promote(shop.add(seed), reason="better")
    released = Released(
        home=tmp_path,
        mlflow=mlflow_store.folder,
        ledger=tmp_path / "ledger.ndjson",
        index=tmp_path / "index",
        encoder_cache=tmp_path / "encoders",
    )
    with pytest.raises(OtherEncoderError, match=r"r-1 cannot be opened here.*with f-text"):
        released.rollback("r-1", reason="worse")
    assert shop.champion() == "r-2"
    assert shop.actions()[-1] == ("promotion", "r-2")


def tag(shop: Shop, version: int, key: str, value: str | None) -> None:
    client = shop.store.connect()
    if value is None:
        client.delete_model_version_tag(MODEL_NAME, str(version), key)
    else:
        client.set_model_version_tag(MODEL_NAME, str(version), key, value)


@pytest.mark.parametrize("value", ["{broken", None])
def test_a_release_whose_tags_somebody_damaged_is_registered_anew(shop: Shop, value: str | None) -> None:
    first = shop.add(1)
    shop.registry.promote(first, reason="good")
    tag(shop, first, MANIFEST, value)

    with pytest.raises(ReleaseMismatchError, match="`mmsearch run` registers the release anew"):
        read_pointer(shop.store.folder, MODEL_NAME, CHAMPION)
    assert shop.registry.champion() is None

    second = shop.add(1)
    assert second == first + 1
    assert shop.registry.promote(second, reason="good").moved
    assert [row.manifest.model_version for row in shop.registry.releases()] == [second]
    pointed = read_pointer(shop.store.folder, MODEL_NAME, CHAMPION)
    assert pointed is not None
    assert pointed.manifest.model_version == second


def test_a_registered_model_that_somebody_deleted_is_made_anew(shop: Shop) -> None:
    shop.registry.promote(shop.add(1), reason="good")
    client = shop.store.connect()
    client.delete_registered_model(MODEL_NAME)

    again = shop.add(1)

    assert shop.registry.champion() is None
    shop.registry.promote(again, reason="good")
    assert shop.champion() == "r-1"
    assert [line.action for line in shop.ledger.lines()] == ["promotion", "restoration"]
