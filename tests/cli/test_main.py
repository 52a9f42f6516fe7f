"""The command line: answers, exit codes, and one sentence for every mistake."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import ir_measures
import polars as pl
import pytest
from ir_measures import nDCG

from mmsearch_dagster.adapters.speech.espeak import speak
from tests.homes import Place
from tests.media import noise, sound_file
from tests.shops import read_csv, write_csv

pytestmark = pytest.mark.slow

Captured = pytest.CaptureFixture[str]


def sentence(captured: Captured) -> str:
    """The one line on standard error."""
    lines = captured.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("mmsearch: ")
    return lines[0]


@pytest.fixture
def nowhere(tmp_path: Path, assets: Path) -> Place:
    """A home that does not exist."""
    return Place(tmp_path / "nowhere", None, assets)


def picture_of(place: Place) -> Path:
    assert place.source is not None
    return sorted((place.source.parent / "queries").glob("*.jpg"))[0]


# search


def test_words_find_products_as_json(tiny: Place, capsys: Captured) -> None:
    assert tiny.mmsearch("search", "red kite", "--k", 3, "--json") == 0

    told = json.loads(capsys.readouterr().out)
    assert told["release_id"] == tiny.manifest().release_id
    assert [hit["rank"] for hit in told["hits"]] == [1, 2, 3]
    assert all({"product_id", "title", "price"} <= set(hit) for hit in told["hits"])


def test_a_photo_and_words_with_a_photo(tiny: Place, capsys: Captured) -> None:
    photo = picture_of(tiny)

    assert tiny.mmsearch("search", "--image", photo, "--json") == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "picture"
    assert tiny.mmsearch("search", "the same in red", "--image", photo, "--json") == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "words+picture"


def test_a_table_for_people(tiny: Place, capsys: Captured) -> None:
    assert tiny.mmsearch("search", "[red] kite 红色") == 0

    assert tiny.manifest().release_id in capsys.readouterr().out


def test_a_filter_is_obeyed(tiny: Place, capsys: Captured) -> None:
    assert tiny.mmsearch("search", "kite", "--k", 20, "--json", "--filter", "price < 30") == 0

    prices = [hit["price"] for hit in json.loads(capsys.readouterr().out)["hits"]]
    assert prices
    assert all(price < 30 for price in prices)


@pytest.mark.parametrize(
    ("where", "expected"),
    [("prise < 30", "did you mean 'price'?"), ("price <", "price"), ("price < 'a'", "price")],
)
def test_a_filter_that_cannot_be_understood(tiny: Place, capsys: Captured, where: str, expected: str) -> None:
    assert tiny.mmsearch("search", "kite", "--filter", where) == 2

    assert expected in sentence(capsys)


@pytest.mark.parametrize(
    "arguments",
    [
        ["search"],
        ["search", "  "],
        ["search", "kite", "--k", "0"],
        ["search", "--image", "missing.jpg"],
        ["search", "--voice", "missing.wav"],
        ["search", "kite", "--out", "run.trec"],
        ["search", "kite", "--batch", "queries.csv", "--out", "run.trec"],
    ],
)
def test_a_search_that_asks_nothing_or_too_much(tiny: Place, capsys: Captured, arguments: list[str]) -> None:
    assert tiny.mmsearch(*arguments) == 2

    sentence(capsys)


def test_a_voice_is_heard_and_answered(tiny: Place, tmp_path: Path, capsys: Captured) -> None:
    pytest.importorskip("espeakng_loader", reason="speech for this test comes from espeak-ng")
    file = tmp_path / "voice.wav"
    file.write_bytes(sound_file(speak("looking for a kite")))

    assert tiny.mmsearch("search", "--voice", file, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["kind"], bool(told["hits"])) == ("voice", True)
    assert "kite" in told["transcript"]["text"]
    assert tiny.mmsearch("search", "--voice", file) == 0
    assert "heard: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", "is empty"), (b"words", "a text file"), (sound_file(noise(2)), "not understood")],
)
def test_a_voice_that_is_none(
    tiny: Place, tmp_path: Path, capsys: Captured, content: bytes, expected: str
) -> None:
    file = tmp_path / "voice.wav"
    file.write_bytes(content)

    assert tiny.mmsearch("search", "--voice", file) == 2

    assert expected in sentence(capsys)


def test_branches_are_weighed_for_one_search(tiny: Place, capsys: Captured) -> None:
    asked = ("search", "red kite", "--json", "--weight", "lexical=1", "--weight", "vector=0")

    assert tiny.mmsearch(*asked) == 0

    hits = json.loads(capsys.readouterr().out)["hits"]
    assert {hit["branches"]["vector"] for hit in hits} == {None}


@pytest.mark.parametrize(
    ("weight", "expected"),
    [("text", "give a retriever and a number"), ("text=much", "a number"), ("texd=1", "did you mean 'text'")],
)
def test_a_weight_that_is_none(tiny: Place, capsys: Captured, weight: str, expected: str) -> None:
    assert tiny.mmsearch("search", "kite", "--weight", weight) == 2

    assert expected in sentence(capsys)


def test_a_picture_that_is_none(tiny: Place, tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "picture.jpg"
    file.write_bytes(b"no picture")

    assert tiny.mmsearch("search", "--image", file) == 2

    assert "picture" in sentence(capsys)


# search --batch and evaluate


def batch(place: Place, tmp_path: Path, rows: Sequence[dict[str, object]], *extra: object) -> list[list[str]]:
    """Lines of the TREC run for these queries, split into their fields."""
    out = tmp_path / "run.trec"
    queries = write_csv(tmp_path / "queries.csv", rows)
    assert place.mmsearch("search", "--batch", queries, "--out", out, *extra) == 0
    return [line.split() for line in out.read_text(encoding="utf-8").splitlines()]


def test_a_file_of_words_is_answered_as_a_trec_run(tiny: Place, tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"query_id": "q1", "query_text": "red kite"},
        {"query_id": "查询", "query_text": "红色 风筝"},
    ]

    lines = batch(tiny, tmp_path, rows)

    assert [line[0] for line in lines if line[3] == "1"] == ["q1", "查询"]
    assert {(line[1], line[5]) for line in lines} == {("Q0", tiny.manifest().release_id)}
    scores = [float(line[4]) for line in lines if line[0] == "q1"]
    assert scores == sorted(scores, reverse=True)


def test_pictures_are_found_under_the_root_and_bad_ones_are_told(
    tiny: Place, tmp_path: Path, capsys: Captured
) -> None:
    photo = picture_of(tiny)
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    shutil.copy(photo, tmp_path / "photo 照片.jpg")
    rows: list[dict[str, object]] = [
        {"query_id": "good", "image": "photo 照片.jpg"},
        {"query_id": "broken", "image": "broken.jpg"},
        {"query_id": "gone", "image": "gone.jpg"},
    ]

    lines = batch(tiny, tmp_path, rows, "--root", tmp_path)

    assert {line[0] for line in lines} == {"good"}
    told = capsys.readouterr().err
    assert "gone.jpg cannot be read" in " ".join(told.split())
    assert "query broken" in told


def test_the_run_is_what_other_tools_measure_too(tiny: Place, tmp_path: Path, capsys: Captured) -> None:
    assert tiny.source is not None
    judged = tiny.source.parent / "judgments.csv"
    rows = [row for row in read_csv(judged) if row["split"] == "validation"]
    file = write_csv(tmp_path / "validation.csv", rows)
    out = tmp_path / "run.trec"

    assert tiny.mmsearch("search", "--batch", file, "--out", out, "--root", judged.parent) == 0
    capsys.readouterr()
    assert tiny.mmsearch("evaluate", "--judgments", file, "--root", judged.parent, "--json") == 0

    kinds = json.loads(capsys.readouterr().out)["kinds"]
    ours = next(row["ndcg@10"] for row in kinds if row["kind"] == "all")
    qrels = pl.DataFrame(rows).select("query_id", doc_id="product_id", relevance=pl.col("grade").cast(int))
    theirs = ir_measures.calc_aggregate(
        [nDCG(gains={0: 0, 1: 1, 2: 3, 3: 7}) @ 10],
        qrels.unique(["query_id", "doc_id"]).to_pandas(),
        ir_measures.read_trec_run(str(out)),
    )
    assert ours == pytest.approx(next(iter(theirs.values())), abs=1e-4)
    assert {row["kind"] for row in kinds} == {"all", "words", "words[zh]", "picture", "words+picture"}


def test_evaluate_wants_grades(tiny: Place, tmp_path: Path, capsys: Captured) -> None:
    file = write_csv(
        tmp_path / "q.csv", [{"query_id": "1", "query_text": "kite", "product_id": "x", "grad": 1}]
    )

    assert tiny.mmsearch("evaluate", "--judgments", file) == 2

    assert "no column 'grade'; did you mean 'grad'?" in sentence(capsys)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("gone.csv", None, "there is no such file"),
        ("empty.csv", "", "empty.csv"),
        ("query.xyz", "a", "the suffix tells no format"),
        ("id.csv", "query,query_text\n1,kite\n", "did you mean 'query'?"),
        ("none.csv", "query_id,words\n1,kite\n", "none of query_text, image, audio"),
        ("only_header.csv", "query_id,query_text\n", "no query"),
    ],
)
def test_a_query_file_that_cannot_be_used(
    tiny: Place, tmp_path: Path, capsys: Captured, name: str, content: str | None, expected: str
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")

    assert tiny.mmsearch("search", "--batch", tmp_path / name, "--out", tmp_path / "run.trec") == 2

    assert expected in sentence(capsys)
    assert not (tmp_path / "run.trec").exists()


# releases, rollback, doctor


def test_releases_and_what_cannot_be_rolled_back(tiny: Place, capsys: Captured) -> None:
    assert tiny.mmsearch("releases", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["manifest"]["release_id"] == tiny.manifest().release_id

    assert tiny.mmsearch("rollback", tiny.manifest().release_id[:-1]) == 2
    assert "did you mean" in sentence(capsys)


def test_doctor_tells_versions_places_and_encoders(tiny: Place, capsys: Captured) -> None:
    assert tiny.mmsearch("doctor") == 0

    told = capsys.readouterr().out
    assert tiny.manifest().release_id in told
    assert "width 384" in told
