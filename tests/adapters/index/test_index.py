import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lancedb.index import IvfFlat

from mmsearch_dagster.adapters.index import ann
from mmsearch_dagster.adapters.index import index as index_module
from mmsearch_dagster.adapters.index.index import SearchIndex
from mmsearch_dagster.adapters.index.table import PinnedTable
from mmsearch_dagster.adapters.index.vector_index_params import VectorIndexParams
from mmsearch_dagster.core.errors import ConfigError, IndexCheckError, QueryError, ReleaseMismatchError
from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.retrieval.filters.language import to_where
from mmsearch_dagster.core.understanding.reading import QueryReader
from tests.catalogue_rows import catalogue, unit_rows


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    return catalogue()


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory, rows: pl.DataFrame) -> SearchIndex:
    index = SearchIndex(str(tmp_path_factory.mktemp("index")))
    index.publish("shop", "r-one", rows)
    return index


@pytest.fixture(scope="module")
def pinned(index: SearchIndex) -> PinnedTable:
    return index.open("shop", "r-one")


def test_a_published_version_passes_its_checks(index: SearchIndex, rows: pl.DataFrame) -> None:
    pin = index.publish("shop", "r-one", rows)
    assert (pin.rows, pin.vector_index, pin.measured_recall) == (60, "none", 1.0)
    checks = {check.name: check for check in index.check(pin, rows)}
    assert set(checks) == {
        *("row_parity", "golden_words", "golden_queries", "measured_queries"),
        *("unit_norms", "ann_recall", "golden_vectors"),
    }
    assert all(check.passed for check in checks.values()), checks
    assert checks["golden_words"].figures["found"] == checks["golden_words"].figures["asked"] > 0


def test_checks_notice_rows_that_are_not_the_catalogues(index: SearchIndex, rows: pl.DataFrame) -> None:
    pin = index.publish("shop", "r-one", rows)
    failed = {check.name for check in index.check(pin, rows.head(50)) if not check.passed}
    assert failed == {"row_parity"}


def test_checks_notice_vectors_that_are_not_of_length_one(tmp_path: Path, rows: pl.DataFrame) -> None:
    index = SearchIndex(str(tmp_path))
    longer = rows.with_columns(pl.Series("vector", unit_rows(60) * 1.5))
    pin = index.publish("shop", "r", longer)
    assert [check.name for check in index.check(pin, longer) if not check.passed] == ["unit_norms"]


def test_nearest_in_memory_and_in_the_table_agree(pinned: PinnedTable) -> None:
    for query in unit_rows(10, seed=5):
        memory = pinned.nearest(query, 10)
        table = pinned.nearest_in_table(query, 10)
        assert [hit.product_id for hit in memory] == [hit.product_id for hit in table]
        assert [hit.score for hit in memory] == pytest.approx([hit.score for hit in table], abs=2e-6)


def test_equal_vectors_are_ordered_by_id_on_both_ways(tmp_path: Path) -> None:
    rows = catalogue(40).with_columns(pl.Series("vector", np.tile(unit_rows(1), (40, 1)))).reverse()
    index = SearchIndex(str(tmp_path))
    index.publish("shop", "r", rows)
    pinned = index.open("shop", "r")
    expected = [f"p{i:05d}" for i in range(5)]
    assert [hit.product_id for hit in pinned.nearest(unit_rows(1)[0], 5)] == expected
    assert [hit.product_id for hit in pinned.nearest_in_table(unit_rows(1)[0], 5)] == expected


def test_a_filter_holds_for_every_hit_and_loses_none(pinned: PinnedTable, rows: pl.DataFrame) -> None:
    query = unit_rows(1, seed=9)[0]
    where = to_where('price < 30 and in_stock and category ~ "shop > running shoes"')
    expected = rows.filter(
        (pl.col("price") < 30) & pl.col("in_stock") & (pl.col("category") == "Shop > Running Shoes")
    )
    assert not expected.is_empty()
    wanted = set(expected["product_id"])
    assert {hit.product_id for hit in pinned.nearest(query, 60, where=where)} == wanted
    assert {hit.product_id for hit in pinned.lexical("running shoes", 60, where=where)} == wanted
    assert pinned.nearest(query, 10, where=to_where("price < 0")) == []


def test_a_condition_that_the_table_refuses_is_a_query_error(pinned: PinnedTable) -> None:
    with pytest.raises(QueryError, match="lang"):
        pinned.nearest(unit_rows(1)[0], 3, where=to_where('lang = "en"'))
    with pytest.raises(QueryError, match="lang"):
        pinned.lexical("red", 3, where=to_where('lang = "en"'))


@settings(max_examples=25, deadline=None)
@given(st.one_of(st.sampled_from(["O'Neill", 'Quo"te', "Aero' OR '1'='1"]), st.text(max_size=20)))
def test_a_quoted_text_means_itself_to_the_index(pinned: PinnedTable, rows: pl.DataFrame, value: str) -> None:
    quoted = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    found = pinned.nearest(unit_rows(1)[0], 60, where=to_where(f"brand = {quoted}"))
    assert {hit.product_id for hit in found} == set(rows.filter(pl.col("brand") == value)["product_id"])


def test_words_find_stems_cases_and_chinese(pinned: PinnedTable) -> None:
    assert pinned.lexical("RED Running shoe", 1)[0].product_id == "p00000"
    assert {hit.product_id for hit in pinned.lexical("运动鞋", 99)} == {f"p{i:05d}" for i in range(0, 60, 4)}
    scores = [hit.score for hit in pinned.lexical("blue lamp model", 30)]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == 30


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "👟",
        "'\"(*)&^%$#@!~`[]{}:;<>,.?/\\|+-=",
        "\x00",
        "\ud800 red",
        "AND OR NOT",
        "a" * 9000,
        "the",
    ],
)
def test_any_text_is_answered(pinned: PinnedTable, text: str) -> None:
    hits = pinned.lexical(text, 5)
    assert bool(hits) == ("red" in text)


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=50))
def test_text_of_any_characters_is_answered(pinned: PinnedTable, text: str) -> None:
    assert len(pinned.lexical(text, 5)) <= 5


def test_a_batch_answers_as_single_queries_do(pinned: PinnedTable) -> None:
    texts = ["red shoes", "", "blue lamp", "red shoes"]
    assert pinned.lexical_batch(texts, 7) == [pinned.lexical(text, 7) for text in texts]
    vectors = unit_rows(3, seed=4)
    assert pinned.nearest_batch(vectors, 7) == [pinned.nearest(v, 7) for v in vectors]
    where = to_where("in_stock")
    single = [pinned.nearest(vector, 7, where=where) for vector in vectors]
    assert pinned.nearest_batch(vectors, 7, where=where) == single


def test_missing_vectors_are_absent_and_not_zeros(pinned: PinnedTable) -> None:
    ids, vectors = pinned.matrix("image_vector")
    assert "p00000" not in ids
    assert "p00007" not in ids
    assert len(ids) == 60 - 9
    np.testing.assert_allclose(vectors, unit_rows(60, seed=1)[[int(i[1:]) for i in ids]], atol=1e-6)
    assert pinned.nearest(np.zeros(16, np.float32), 5) == []
    assert pinned.nearest_in_table(np.zeros(16, np.float32), 5) == []


def test_rows_give_the_payload_without_what_is_for_searching(pinned: PinnedTable) -> None:
    payload = pinned.rows(["p00003", "no-such-product", "p00001", "p00003"])
    assert set(payload) == {"p00003", "p00001"}
    row = payload["p00003"]
    assert row["title"] == "black desk lamp model 3"
    assert row["image_uris"] == ["images/3.jpg"]
    assert row["attributes"] == [{"key": "colour", "value": "black"}]
    assert {"vector", "image_vector", "search_text"}.isdisjoint(row)
    assert pinned.rows([]) == {}


def test_a_vector_of_another_width_or_column_is_a_mismatch(pinned: PinnedTable) -> None:
    with pytest.raises(ReleaseMismatchError, match=r"8 numbers.*16"):
        pinned.nearest(np.ones(8, np.float32), 3)
    with pytest.raises(ReleaseMismatchError, match="audio_vector"):
        pinned.nearest(np.ones(16, np.float32), 3, column="audio_vector")


def test_old_versions_answer_beside_new_ones_until_their_tag_is_dropped(
    tmp_path: Path, rows: pl.DataFrame
) -> None:
    index = SearchIndex(str(tmp_path))
    assert index.tags("shop") == {}
    index.publish("shop", "r-old", rows)
    old = index.open("shop", "r-old")
    index.publish("shop", "r-new", rows.head(10))
    assert set(index.tags("shop")) == {"r-old", "r-new"}
    assert (old.row_count, index.open("shop", "r-old").row_count) == (60, 60)
    assert index.open("shop", "r-new").row_count == 10
    assert len(index.open("shop", "r-old").lexical("model", 99)) == 60
    index.drop_tag("shop", "r-old")
    index.drop_tag("shop", "r-old")
    with pytest.raises(ReleaseMismatchError, match="r-new"):
        index.open("shop", "r-old")


def test_publishing_the_same_again_reuses_the_version(index: SearchIndex, rows: pl.DataFrame) -> None:
    first = index.publish("shop", "r-one", rows)
    jitter = rows.with_columns(pl.Series("vector", unit_rows(60) + np.float32(1e-7)))
    assert index.publish("shop", "r-one", rows.reverse()) == first
    assert index.publish("shop", "r-one", jitter) == first


@pytest.mark.parametrize("change", ["title", "vector", "rows"])
def test_a_tag_never_comes_to_mean_other_rows(index: SearchIndex, rows: pl.DataFrame, change: str) -> None:
    other = {
        "title": rows.with_columns(pl.lit("x").alias("title")),
        "vector": rows.with_columns(pl.Series("vector", unit_rows(60, seed=3))),
        "rows": rows.head(59),
    }[change]
    with pytest.raises(IndexCheckError, match="already names other rows"):
        index.publish("shop", "r-one", other)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda r: r.head(0), "no product"),
        (lambda r: pl.concat([r, r.head(1)]), "p00000"),
        (
            lambda r: r.with_columns(pl.lit(None, pl.List(pl.Float32)).alias("vector")),
            "no product has a vector",
        ),
        (lambda r: r.with_columns(pl.Series("vector", unit_rows(60) * np.float32("nan"))), "NaN"),
        (
            lambda r: r.with_columns(
                pl.Series("vector", [[1.0] * (2 + i % 2) for i in range(60)], dtype=pl.List(pl.Float32))
            ),
            "several widths",
        ),
    ],
)
def test_rows_that_cannot_be_published_are_refused(
    tmp_path: Path,
    rows: pl.DataFrame,
    broken: Callable[[pl.DataFrame], pl.DataFrame],
    message: str,
) -> None:
    with pytest.raises(IndexCheckError, match=message):
        SearchIndex(str(tmp_path)).publish("shop", "r", broken(rows))


def test_names_that_the_store_cannot_hold_are_refused(tmp_path: Path, rows: pl.DataFrame) -> None:
    with pytest.raises(ConfigError, match=r"\.\./shop"):
        SearchIndex(str(tmp_path)).publish("../shop", "r", rows)


def test_one_product_without_anything_but_a_picture(tmp_path: Path) -> None:
    rows = catalogue(1).with_columns(
        pl.lit(None).alias(name)
        for name in ("title", "category", "brand", "price", "in_stock", "search_text")
    )
    index = SearchIndex(str(tmp_path))
    pin = index.publish("shop", "r", rows)
    assert all(check.passed for check in index.check(pin, rows))
    assert index.open("shop", "r").nearest(unit_rows(1)[0], 5)[0].product_id == "p00000"


def test_an_index_of_words_only(tmp_path: Path, rows: pl.DataFrame) -> None:
    index = SearchIndex(str(tmp_path))
    pin = index.publish("shop", "r", rows, vector_column=None)
    pinned = index.open("shop", "r")
    assert pinned.vector_columns == {}
    assert pinned.lexical("red shoes", 3)
    names = [check.name for check in index.check(pin, rows)]
    assert names == ["row_parity", "golden_words", "golden_queries", "measured_queries"]
    with pytest.raises(ReleaseMismatchError, match="words only"):
        pinned.nearest(unit_rows(1)[0], 3)


def test_another_column_can_be_the_fused_vector(tmp_path: Path, rows: pl.DataFrame) -> None:
    index = SearchIndex(str(tmp_path))
    index.publish("shop", "r", rows, vector_column="image_vector")
    assert len(index.open("shop", "r").matrix()[0]) == 51


def test_a_filter_finds_what_lies_in_partitions_that_are_not_probed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    probing_one = VectorIndexParams(kind="ivf_flat", probes=1)

    def narrow(table: Any, exact_rows: int) -> VectorIndexParams:
        table.create_index("vector", config=IvfFlat(distance_type="cosine", num_partitions=16))
        table.update_field_metadata({"path": "vector", "metadata": probing_one.metadata()})
        return probing_one

    monkeypatch.setattr(index_module, "choose_vector_index", narrow)
    rows = catalogue(600)
    shop = SearchIndex(str(tmp_path))
    shop.publish("shop", "r", rows)
    pinned = shop.open("shop", "r")
    assert pinned.index_params == probing_one

    found = pinned.nearest(unit_rows(1, seed=9)[0], 10, where=to_where("price < 13"))

    assert len(found) == rows.filter(pl.col("price") < 13).height


@pytest.mark.parametrize(("limit", "asked"), [(60, True), (61, False)])
def test_a_vector_index_is_tried_only_where_readers_would_ask_it(
    limit: int, asked: bool, tmp_path: Path, rows: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[VectorIndexParams] = []

    def perfect(table: PinnedTable, queries: Matrix, choice: VectorIndexParams) -> float:
        tried.append(choice)
        return 1.0

    monkeypatch.setattr(ann, "measured_recall", perfect)
    index = SearchIndex(str(tmp_path), exact_rows=limit)
    pin = index.publish("shop", "r", rows)

    assert bool(tried) == asked
    assert pin.vector_index == "none" or asked
    assert index.open("shop", "r").held_in_memory is not asked


@pytest.mark.slow
def test_a_vector_index_is_kept_only_for_measured_recall(tmp_path: Path) -> None:
    rows = catalogue(20_500, width=32)
    index = SearchIndex(str(tmp_path), exact_rows=20_000)
    pin = index.publish("shop", "r", rows)
    pinned = index.open("shop", "r")
    assert pin.measured_recall >= 0.98
    assert pinned.index_params.kind == pin.vector_index
    assert {c.name: c.passed for c in index.check(pin, rows)}["ann_recall"]
    # A reader above the in-memory limit asks the index and finds what exact search finds.
    query = unit_rows(1, 32, seed=0)[0]
    found = {hit.product_id for hit in pinned.nearest(query, 10)}
    in_memory = SearchIndex(str(tmp_path)).open("shop", "r")
    assert len(found & {hit.product_id for hit in in_memory.nearest(query, 10)}) >= 9


_PUBLISH_AND_DIE = """
import os, signal, sys
import lancedb
from lancedb.db import LanceDBConnection
from lancedb.table import LanceTable, Tags
from mmsearch_dagster.adapters.index.index import SearchIndex
from tests.catalogue_rows import catalogue

left = int(sys.argv[2])

def dies_after(owner, name):
    real = getattr(owner, name)
    def wrapped(*args, **kwargs):
        global left
        result = real(*args, **kwargs)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(owner, name, wrapped)

dies_after(LanceDBConnection, "create_table")
dies_after(LanceTable, "create_index")
dies_after(Tags, "create")
SearchIndex(sys.argv[1]).publish("shop", "r-new", catalogue(500, seed=2))
"""
# Steps of a publish: the table, its five indexes, the tag.
_STEPS = {"table written": 1, "half the indexes": 3, "all but the tag": 6, "tag": 7}


@pytest.mark.slow
def test_a_publish_killed_after_any_step_ends_in_the_same_version(tmp_path: Path, rows: pl.DataFrame) -> None:
    new = catalogue(500, seed=2)
    undisturbed = SearchIndex(str(tmp_path / "calm"))
    undisturbed.publish("shop", "r-new", new)
    expected = undisturbed.open("shop", "r-new").lexical("red shoes", 50)
    index = SearchIndex(str(tmp_path / "killed"))
    index.publish("shop", "r-old", rows)
    for step, calls in _STEPS.items():
        command = [sys.executable, "-c", _PUBLISH_AND_DIE, str(tmp_path / "killed"), str(calls)]
        assert subprocess.run(command, cwd=Path(__file__).parents[3]).returncode == -signal.SIGKILL
        assert set(index.tags("shop")) == ({"r-old", "r-new"} if step == "tag" else {"r-old"})
        assert len(index.open("shop", "r-old").lexical("model", 99)) == 60
    newest = index.tags("shop")["r-new"]
    pin = index.publish("shop", "r-new", new)
    assert pin.version == newest
    assert all(check.passed for check in index.check(pin, new))
    assert index.open("shop", "r-new").lexical("red shoes", 50) == expected


@pytest.mark.slow
def test_a_publish_killed_while_it_writes_leaves_the_old_version(tmp_path: Path, rows: pl.DataFrame) -> None:
    index = SearchIndex(str(tmp_path))
    index.publish("shop", "r-old", rows)
    script = _PUBLISH_AND_DIE.replace("catalogue(500", 'print("ready", flush=True) or catalogue(500')
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path), "0"],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.03)
        child.send_signal(signal.SIGKILL)
    assert len(index.open("shop", "r-old").lexical("model", 99)) == 60
    new = catalogue(500, seed=2)
    assert all(check.passed for check in index.check(index.publish("shop", "r-new", new), new))


def several_pictures(n: int = 60) -> pl.DataFrame:
    """`catalogue` with none to three vectors per product, of any norm."""
    rng = np.random.default_rng(4)
    lists = [(rng.standard_normal((i % 4, 16)) * rng.uniform(1, 20)).tolist() or None for i in range(n)]
    kind = pl.List(pl.Array(pl.Float32, 16))
    units = [[(np.array(v) / np.linalg.norm(v)).tolist() for v in one or ()] or None for one in lists]
    return catalogue(n).with_columns(
        pl.Series("image_vector", lists, dtype=kind), pl.Series("vector", units, dtype=kind)
    )


@pytest.mark.slow
@pytest.mark.parametrize("exact_rows", [1, 1000])
@pytest.mark.parametrize("where", [None, to_where("in_stock")])
def test_the_nearest_of_a_products_vectors_counts(tmp_path: Path, exact_rows: int, where: str | None) -> None:
    rows = several_pictures()
    index = SearchIndex(str(tmp_path), exact_rows=exact_rows)
    pin = index.publish("shop", "r", rows)
    pinned = index.open("shop", "r")
    assert pinned.vector_columns == {"vector": 16, "image_vector": 16}
    assert pin.rows == 60
    assert all(check.passed for check in index.check(pin, rows)), index.check(pin, rows)
    passing = rows.filter(pl.col("in_stock")) if where else rows
    for query in unit_rows(5, seed=8):
        best = {
            key: max(float(query @ np.array(v) / np.linalg.norm(v)) for v in vectors)
            for key, vectors in passing.select("product_id", "image_vector").drop_nulls().iter_rows()
        }
        expected = sorted(best, key=lambda key: (-best[key], key))[:10]
        found = pinned.nearest(query, 10, where=where, column="image_vector")
        assert [hit.product_id for hit in found] == expected
        assert [hit.score for hit in found] == pytest.approx([best[key] for key in expected], abs=2e-6)
        assert pinned.scores(query, expected, "image_vector") == {h.product_id: h.score for h in found}


def test_products_of_several_vectors_are_published_once(tmp_path: Path) -> None:
    index = SearchIndex(str(tmp_path))
    pin = index.publish("shop", "r", several_pictures())
    assert index.publish("shop", "r", several_pictures().reverse()) == pin
    fewer = several_pictures().with_columns(pl.col("vector").list.head(1))
    with pytest.raises(IndexCheckError, match="already names other rows"):
        index.publish("shop", "r", fewer)


def test_vectors_of_zeros_are_none_also_among_several(tmp_path: Path) -> None:
    lists = [[[0.0] * 4, [1.0, 0, 0, 0]], [[0.0] * 4], None, []]
    rows = catalogue(4, width=4).with_columns(pl.Series("vector", lists, pl.List(pl.List(pl.Float32))))
    index = SearchIndex(str(tmp_path))
    index.publish("shop", "r", rows.drop("image_vector"))
    ids, vectors = index.open("shop", "r").matrix()
    assert (ids, vectors.tolist()) == (["p00000"], [[1.0, 0, 0, 0]])


@pytest.mark.parametrize(
    "read",
    [
        lambda table: table.records(["product_id"]),
        lambda table: table.columns(["product_id"]),
        lambda table: table.matrix(),
        lambda table: table.product_ids,
        lambda table: table.warm(),
    ],
    ids=["records", "columns", "matrix", "ids", "warm"],
)
def test_an_index_whose_files_somebody_removed_says_so_however_it_is_read(
    tmp_path: Path, rows: pl.DataFrame, read: Callable[[PinnedTable], object]
) -> None:
    damaged = SearchIndex(str(tmp_path))
    damaged.publish("shop", "r-one", rows)
    table = damaged.open("shop", "r-one")
    for file in (tmp_path / "shop.lance" / "data").iterdir():
        file.unlink()
    with pytest.raises(ReleaseMismatchError, match=r"its files are gone or damaged: .* run `mmsearch run`"):
        read(table)


def test_the_first_query_of_a_process_is_answered_without_all_vectors_in_memory(index: SearchIndex) -> None:
    queries = unit_rows(4, seed=9)
    fresh, used = index.open("shop", "r-one"), index.open("shop", "r-one")
    for column in ("vector", "image_vector"):
        used.compared(column)
        assert fresh.nearest(queries[0], 7, column=column) == used.nearest(queries[0], 7, column=column)
        assert column not in fresh._in_memory
        assert fresh.nearest(queries[1], 99, column=column) == used.nearest(queries[1], 99, column=column)
        assert column in fresh._in_memory


def test_equally_near_products_come_in_the_order_of_ids_to_the_first_query_too(tmp_path: Path) -> None:
    rows = catalogue(200).with_columns(
        pl.lit([1.0] + [0.0] * 15).cast(pl.Array(pl.Float32, 16)).alias("vector")
    )
    index = SearchIndex(str(tmp_path))
    index.publish("shop", "r", rows)

    hits = index.open("shop", "r").nearest(np.eye(1, 16, dtype=np.float32)[0], 5)

    assert [hit.product_id for hit in hits] == [f"p{number:05d}" for number in range(5)]


def test_products_that_say_that_they_are_without_something_stay(tmp_path: Path) -> None:
    texts = {
        "gum": "chewing gum with sugar",
        "free": "chewing gum sugar free",
        "none": "chewing gum without added sugar",
        "ohne": "kaugummi ohne sugar",
        "plain": "chewing gum",
        "zh": "口香糖 无糖",
        "zh-sweet": "口香糖 含糖 甜",
    }
    rows = pl.DataFrame({"product_id": list(texts), "title": [*texts], "search_text": list(texts.values())})
    index = SearchIndex(str(tmp_path))
    index.publish("gum", "release-1", rows, vector_column=None)
    reader = QueryReader.of([{"product_id": key, "title": text} for key, text in texts.items()])

    kept = index.open("gum", "release-1").passing_ids(reader.read("gum without sugar").condition)

    assert kept == {"free", "none", "ohne", "plain", "zh", "zh-sweet"}
