"""Queries from a file, answered by a small release."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from mmsearch_dagster.cli import search
from mmsearch_dagster.core.errors import SourceError
from mmsearch_dagster.core.modalities import IMAGE, TEXT
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.core.retrieval.query import Answer, AnswerHit
from mmsearch_dagster.core.understanding.understood import PREFER, QueryPart, Understood
from mmsearch_dagster.serving.engine import Engine, Query
from mmsearch_dagster.serving.open_release import Released
from tests.shops import write_csv
from tests.small_release import HashedWords, MeanColour, make_release

Captured = pytest.CaptureFixture[str]
# As the release asks for words that its encoder cannot read.
UNKNOWN = Query(text="kite", weights={"vector": 0.0})


@dataclass
class Open:
    """Stands where a home's release does."""

    opened: Engine

    def engine(self) -> Engine:
        return self.opened

    def manifest(self) -> ReleaseManifest:
        return self.opened.manifest


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Released:
    made = make_release(tmp_path_factory.mktemp("release"))
    encoders = {TEXT: HashedWords(), IMAGE: MeanColour()}
    manifest = made.manifest.model_copy(update={"media_root": str(made.media_root)})
    return cast(Released, Open(Engine.open(manifest, made.index_uri, made.model_dir, encoders)))


def judged(query_id: str, **content: object) -> dict[str, object]:
    row = {"query_id": query_id, "query_text": "", "image": "", "product_id": "p00000", "grade": 3}
    return {**row, **content}


def measured(released: Released, file: Path, captured: Captured) -> tuple[dict[str, Any], str]:
    """The figures of all queries, and what was told beside them."""
    search.evaluate(released, file, None, as_json=True)
    told = captured.readouterr()
    (everything,) = (row for row in json.loads(told.out)["kinds"] if row["kind"] == "all")
    return everything, told.err


def test_one_query_has_no_interval_and_that_is_null(
    released: Released, tmp_path: Path, capsys: Captured
) -> None:
    file = write_csv(tmp_path / "q.csv", [judged("1", query_text="red running shoes model 0")])
    everything, _ = measured(released, file, capsys)
    assert everything["ndcg@10"] > 0
    assert (everything["low"], everything["high"]) == (None, None)


def test_a_missing_picture_and_a_broken_one_both_count_as_unanswered(
    released: Released, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    rows = [
        judged("found", query_text="red running shoes model 0"),
        judged("broken", image="broken.png"),
        judged("gone", image="gone.png"),
    ]
    alone, _ = measured(released, write_csv(tmp_path / "one.csv", rows[:1]), capsys)
    everything, told = measured(released, write_csv(tmp_path / "q.csv", rows), capsys)
    assert everything["queries"] == 3
    assert everything["ndcg@10"] == pytest.approx(alone["ndcg@10"] / 3, abs=1e-4)
    assert [": ".join(line.split(": ")[:2]) for line in told.splitlines()] == [
        "not read: query gone",
        "not answered: query broken",
        "queries without an answer count as 0: 2 of 3",
    ]


def test_judged_products_that_the_release_lacks_are_named(
    released: Released, tmp_path: Path, capsys: Captured
) -> None:
    rows = [judged("1", query_text="red shoes"), judged("1", query_text="red shoes", product_id="sold")]
    rows += [judged("2", query_text="blue lamp", product_id=f"old{number}") for number in range(6)]
    rows += [judged("2", query_text="blue lamp", product_id="worthless", grade=0)]

    _, told = measured(released, write_csv(tmp_path / "q.csv", rows), capsys)

    assert told == (
        f"judged products that release {released.manifest().release_id} does not hold, so that no answer can "
        "name them: 7 of 8 (old0, old1, old2, old3, old4, ...)\n"
    )


def test_the_table_shows_no_interval_of_one_query(
    released: Released, tmp_path: Path, capsys: Captured
) -> None:
    file = write_csv(tmp_path / "q.csv", [judged("1", query_text="red running shoes model 0")])
    search.evaluate(released, file, None, as_json=False)
    assert "nan" not in capsys.readouterr().out


def test_a_file_of_which_nothing_can_be_read_is_refused(
    released: Released, tmp_path: Path, capsys: Captured
) -> None:
    file = write_csv(tmp_path / "q.csv", [judged("gone", image="gone.png")])
    with pytest.raises(SourceError, match="no query that can be asked"):
        search.evaluate(released, file, None, as_json=True)


def test_a_picture_of_the_catalogue_is_asked_as_the_catalogue_names_it(
    released: Released, tmp_path: Path, capsys: Captured
) -> None:
    file = write_csv(tmp_path / "q.csv", [judged("1", image="images/0.jpg")])
    out = tmp_path / "run.trec"
    search.batch(released, file, out, None, k=5, where=None)
    assert capsys.readouterr().err == ""
    assert len(out.read_text(encoding="utf-8").splitlines()) == 5


def test_a_correction_is_told_with_the_way_to_undo_it(released: Released, capsys: Captured) -> None:
    search.answer_query(released, Query(text="runing shoes"), "shoes", k=3, where=None, as_json=False)
    assert capsys.readouterr().out.splitlines()[:2] == [
        "spelling: runing → running",
        "(undo: --as-typed, or --ignore spelling)",
    ]


def test_what_the_words_prefer_is_said(capsys: Captured) -> None:
    parts = (QueryPart("colour", "gray", "grey", PREFER), QueryPart("category", "shoe", "Shoes", PREFER))
    hits = (AnswerHit("p1", 1.0, 1, {}, {}),)
    answer = Answer(hits, "r-1", 0.0, "words", understood=Understood("gray shoe", "gray shoe", parts=parts))

    assert search.understood_lines(answer) == ["preferred: grey (colour), Shoes (category)"]


def test_a_part_that_is_only_a_message_is_not_offered_to_be_undone(
    released: Released, capsys: Captured
) -> None:
    query = Query(text="wasserdicht runing shoes under 0.5")
    search.answer_query(released, query, "shoes", k=3, where=None, as_json=False)
    assert "(undo: --as-typed, or --ignore spelling)" in capsys.readouterr().out


def test_json_tells_what_the_words_say(released: Released, capsys: Captured) -> None:
    search.answer_query(released, Query(text="runing shoes"), "shoes", k=3, where=None, as_json=True)
    understood = json.loads(capsys.readouterr().out)["understood"]
    assert (understood["typed"], understood["searched"]) == ("runing shoes", "running shoes")


def test_products_that_only_come_closest_are_shown_below_the_note(
    released: Released, capsys: Captured
) -> None:
    search.answer_query(released, Query(text="qwertz"), "qwertz", k=3, where=None, as_json=False)
    told = capsys.readouterr().out
    assert told.startswith("nothing fits 'qwertz'")
    assert "p000" in told


def test_a_filter_that_nothing_passes_is_told_in_one_sentence(released: Released, capsys: Captured) -> None:
    query, where = search.question("red running shoes", None, None), 'category ~ "[red] Hats"'
    search.answer_query(released, query, "red", k=3, where=where, as_json=False)
    told = capsys.readouterr().out.removesuffix("\n")
    assert told.startswith(f"no product passes the filter {where}: there is no '[red] Hats': ")
    assert "\n" not in told
    search.answer_query(released, query, "red", k=3, where=where, as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert (shown["hits"], shown["note"]) == ([], told)


def test_words_that_no_product_has_are_told_in_one_sentence(released: Released, capsys: Captured) -> None:
    search.answer_query(released, UNKNOWN, "kite", k=3, where=None, as_json=False)
    assert capsys.readouterr().out == (
        "nothing is found for 'kite': no product has one of these words in its text; ask with other words or "
        "with a photo\n"
    )
