"""Another encoder without downtime: refused or released, the old release answers until the pointer moves."""

import json
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import pytest
import yaml

from mmsearch_dagster.core.progress import PROGRESS
from mmsearch_dagster.core.retrieval.query import Query
from mmsearch_dagster.pipeline.home import recall
from mmsearch_dagster.pipeline.release.encoder_upgrade import (
    compared_queries,
    encode_parts,
    evaluated_overlap,
    propose_encoder,
    sample_answers,
)
from mmsearch_dagster.pipeline.workspace import Workspace
from tests.end_to_end.killed import Killer
from tests.homes import Place

pytestmark = pytest.mark.slow

# The same network reads shorter texts: another encoder with nearly the same vectors, and none to export.
SHORTER = {
    "modality": "text", "library": "transformers", "model": "embedded", "max_length": 64, "runtime": "torch",
}  # fmt: skip


@pytest.fixture
def upgradable(tiny: Place, tmp_path: Path) -> Place:
    """A copy of the released home with reviewed files of its own, which know one more encoder."""
    assets = tmp_path / "assets"
    shutil.copytree(tiny.assets, assets)
    edit(assets / "encoders.yaml", {"shorter": SHORTER})
    copied = tiny.copy(tmp_path / "home")
    return Place(copied.home, copied.source, assets)


def edit(file: Path, changes: dict[str, object]) -> None:
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    file.write_text(yaml.safe_dump({**document, **changes}), encoding="utf-8")


@dataclass
class Searches:
    """What somebody who searches all the while got: ids of the releases that answered, in their order."""

    releases: list[str] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)


@contextmanager
def searching(place: Place) -> Iterator[Searches]:
    got, over = Searches(), threading.Event()

    def search() -> None:
        while not over.is_set():
            try:
                engine = place.released.engine()
                answer = engine.search(Query(text="red mug"), k=3)
                assert answer.hits
                assert answer.release_id == engine.manifest.release_id
                got.releases.append(answer.release_id)
            except Exception as error:
                got.errors.append(error)
            over.wait(0.3)

    thread = threading.Thread(target=search)
    thread.start()
    try:
        yield got
    finally:
        over.set()
        thread.join()


def text_encoder(place: Place) -> str:
    return next(each.fingerprint for each in place.manifest().encoders if each.modality == "text")


def test_an_upgrade_is_refused_without_a_trace_and_released_by_the_same_pointer(
    upgradable: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    before, options, encoder = upgradable.manifest(), recall(upgradable.home), text_encoder(upgradable)
    gate = upgradable.assets / "policies" / "gate.yaml"
    lenient = gate.read_text(encoding="utf-8")
    edit(gate, {"floor": 1.0})

    assert upgradable.mmsearch("upgrade-encoder", "text", "shorter") == 1

    assert "of the first 10 products are the same" in capsys.readouterr().out
    assert upgradable.manifest() == before
    assert recall(upgradable.home) == options, "the next run uses the encoder of before"
    assert upgradable.actions()[-1] == "rejection"
    alerts = (upgradable.paths.alerts / "alerts.ndjson").read_text(encoding="utf-8").splitlines()
    kinds = [json.loads(line)["kind"] for line in alerts]
    assert "refused_model" in kinds
    assert "failed_run" not in kinds, "the gate stopped it, nothing is broken"

    gate.write_text(lenient, encoding="utf-8")
    capsys.readouterr()
    with searching(upgradable) as got:
        assert upgradable.mmsearch("upgrade-encoder", "text", "shorter") == 0

    after, out = upgradable.manifest(), capsys.readouterr().out
    assert text_encoder(upgradable) != encoder
    assert f"{after.release_id} answers with the new encoder; before it {before.release_id} did." in out
    assert "of the first 10 products are the same" in out
    assert "part 1 of 1: 0 encoded" in out, "what the refused try encoded is used again"
    assert not got.errors
    assert got.releases[0] == before.release_id
    switched = got.releases.index(after.release_id) if after.release_id in got.releases else len(got.releases)
    assert set(got.releases[:switched]) == {before.release_id}
    assert set(got.releases[switched:]) <= {after.release_id}

    assert upgradable.mmsearch("rollback", before.release_id) == 0
    assert upgradable.released.engine().search(Query(text="red mug"), k=3).release_id == before.release_id


def test_a_stopped_encoding_goes_on_where_it_was(upgradable: Place) -> None:
    file = propose_encoder(upgradable.workspace, "text", "shorter")
    (spec,) = [spec for spec in proposed(upgradable, file).preset.encoders if spec.modality == "text"]
    first = list(islice(encode_parts(proposed(upgradable, file), spec, rows=15), 2))

    again = list(encode_parts(proposed(upgradable, file), spec, rows=15))

    assert [part.parts for part in again] == [4] * 4
    assert [part.encoded for part in again[:2]] == [0, 0]
    assert [part.reused for part in again[:2]] == [part.encoded + part.reused for part in first]
    products = upgradable.workspace.lake.current("products").table().height
    assert sum(part.encoded + part.reused for part in again) <= products
    assert sum(part.encoded for part in again[2:]) > 0


def test_the_answers_of_an_evaluation_can_be_compared_with_those_that_are_served(tiny: Place) -> None:
    """Of the released model they are nearly the same; of a refused one they say how much would change."""
    queries = compared_queries(tiny.workspace, tiny.manifest().media_root)
    overlap = evaluated_overlap(tiny.workspace, sample_answers(tiny.released.engine(), queries))

    assert overlap is not None
    assert overlap.queries == len(queries)
    assert overlap.share > 0.9


def test_an_encoding_that_was_killed_in_the_middle_of_a_part_goes_on_from_what_is_stored(
    upgradable: Place,
) -> None:
    file = propose_encoder(upgradable.workspace, "text", "shorter")
    child = get_context("spawn").Process(target=encode_and_die, args=(upgradable, file))
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
    workspace = proposed(upgradable, file)
    (spec,) = [spec for spec in workspace.preset.encoders if spec.modality == "text"]

    parts = list(encode_parts(workspace, spec, rows=15))

    assert parts[0].encoded == 0, "the first part was stored before the kill"
    assert parts[1].encoded + parts[1].reused > 0
    assert sum(part.encoded for part in parts[1:]) > 0
    assert upgradable.released.engine().search(Query(text="red mug"), k=3).hits


def encode_and_die(place: Place, file: Path) -> None:
    """Kills its own process while the second part is encoded."""
    workspace = proposed(place, file)
    (spec,) = [spec for spec in workspace.preset.encoders if spec.modality == "text"]
    parts = encode_parts(workspace, spec, rows=15)
    next(parts)
    PROGRESS.set(Killer("upgrade text_features", "advance"))
    next(parts)


def proposed(place: Place, preset: Path) -> Workspace:
    return Workspace(replace(place.settings, preset=preset), place.assets)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("text", "minilm"), "minilm is the text encoder of this home already: nothing to do"),
        (("text", "transformers:/nowhere"), "/nowhere"),
        (("smell", "timm:x"), "modality: Input should be 'text', 'image', 'audio' or 'video'"),
    ],
)
def test_a_slip_is_one_sentence_and_changes_nothing(
    tiny: Place, arguments: tuple[str, str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tiny.mmsearch("upgrade-encoder", *arguments) == 2

    assert complaint in capsys.readouterr().err
    assert not tiny.paths.upgrade_preset.exists()
