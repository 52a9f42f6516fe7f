"""The queries that a text encoder may learn from: judged and logged ones of the split `train`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Snapshot
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.encoders.protocol import EncoderSpec
from mmsearch_dagster.core.finetuning.text_examples import QueryExample, apart_from
from mmsearch_dagster.core.labels.provenance import JUDGED, LOG, Provenance
from mmsearch_dagster.core.labels.synthetic_query import SyntheticQuery
from mmsearch_dagster.core.text.preparation import query_text
from mmsearch_dagster.pipeline.features.encode import product_text
from mmsearch_dagster.pipeline.training.queries import TRAIN, VALIDATION, dev_query_ids
from mmsearch_dagster.pipeline.training.unjudged_queries import unjudged_queries
from mmsearch_dagster.pipeline.workspace import Workspace

TABLES = ("products", "queries", "searches", "interactions", "reviews")


@dataclass(frozen=True)
class _Graded:
    """A query's words, the products that answer them with their grades, and how we know."""

    query_id: str
    text: str
    grades: Mapping[str, float]
    provenance: Provenance


@dataclass(frozen=True)
class TextExamples:
    """examples: queries, graded by rows of `products`. products: their texts. Both as they are encoded.
    query_ids: of each example."""

    examples: tuple[QueryExample, ...]
    products: tuple[str, ...]
    query_ids: tuple[str, ...]

    def first(self, count: int) -> "TextExamples":
        """The first examples, at most so many."""
        return TextExamples(self.examples[:count], self.products, self.query_ids[:count])

    def ids_of(self, examples: Sequence[QueryExample]) -> list[str]:
        """Ids of the queries that have the words of some of the examples."""
        texts = {example.text for example in examples}
        pairs = zip(self.query_ids, self.examples, strict=True)
        return sorted(query_id for query_id, example in pairs if example.text in texts)


def text_examples(workspace: Workspace, spec: EncoderSpec) -> TextExamples:
    """Judged queries first, then logged ones; none that measures, and none that nearly equals one."""
    inputs = {table: workspace.lake.current(table) for table in TABLES}
    products = _product_texts(inputs["products"].table(), spec)
    row = {product: number for number, product in enumerate(products)}
    judged, measured = _judged(workspace, inputs["queries"].table())
    unjudged = _unjudged(workspace, inputs)
    measured += [query.text for query in unjudged if query.part != TRAIN and query.text]
    graded = [
        each for each in (*judged, *_logged(unjudged)) if each.text and not row.keys().isdisjoint(each.grades)
    ]
    fine = apart_from([each.text for each in graded], map(query_text, measured))
    kept = [each for each, is_apart in zip(graded, fine, strict=True) if is_apart]
    examples = (
        QueryExample(
            spec.query_text(each.text),
            {row[key]: grade for key, grade in each.grades.items() if key in row},
            each.provenance,
        )
        for each in kept
    )
    return TextExamples(tuple(examples), tuple(products.values()), tuple(each.query_id for each in kept))


def _product_texts(products: pl.DataFrame, spec: EncoderSpec) -> dict[str, str]:
    """Product -> what is encoded of it."""
    return {
        row[col.PRODUCT_ID]: spec.item_text(product_text(row))
        for row in products.iter_rows(named=True)
        if row[col.TITLE] or row[col.DESCRIPTION]
    }


def _judged(workspace: Workspace, queries: pl.DataFrame) -> tuple[list[_Graded], list[str]]:
    """Training queries of words alone with their products, and the words of those that measure."""
    dev = dev_query_ids(queries, workspace.preset.derived)
    train: list[_Graded] = []
    measured: list[str] = []
    for query_id, text, split, alone, grades in _by_query(queries):
        if split != TRAIN or query_id in dev:
            measured.append(text)
        elif alone and grades:
            train.append(_Graded(query_id, query_text(text), grades, JUDGED))
    return train, measured


def _logged(unjudged: Sequence[SyntheticQuery]) -> Iterator[_Graded]:
    for query in unjudged:
        if query.part == TRAIN and query.provenance == LOG:
            yield _Graded(query.query_id, query_text(query.text or ""), query.graded, LOG)


def _by_query(queries: pl.DataFrame) -> Iterator[tuple[str, str, str, bool, dict[str, float]]]:
    """Id, words, split, whether it is words alone, and its products' grades above 0."""
    grouped = (
        queries.filter(pl.col(col.QUERY_TEXT).is_not_null())
        .group_by(col.QUERY_ID, maintain_order=True)
        .agg(
            pl.col(col.QUERY_TEXT, col.SPLIT).first(),
            (pl.col(col.IMAGE).is_null() & pl.col(col.AUDIO).is_null()).first().alias("alone"),
            pl.col(col.PRODUCT_ID, col.GRADE),
        )
    )
    for query_id, text, split, alone, products, grades in grouped.iter_rows():
        graded = {product: float(grade) for product, grade in zip(products, grades, strict=True) if grade > 0}
        yield query_id, text, split, alone, graded


def _unjudged(workspace: Workspace, inputs: Mapping[str, Snapshot]) -> tuple[SyntheticQuery, ...]:
    """Those with words that the same run will measure and train with."""
    judged = inputs["queries"].table().filter((pl.col(col.SPLIT) == VALIDATION) & (pl.col(col.GRADE) > 0))
    return unjudged_queries(
        inputs,
        {},
        workspace.preset.derived,
        judged=judged[col.QUERY_ID].n_unique(),
        policy=workspace.gate_policy,
    ).queries
