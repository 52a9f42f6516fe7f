"""Questions to the released engine: one, a file of them, or a file with the right answers."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmsearch_dagster.cli.display import tables
from mmsearch_dagster.cli.display.progress import console, errors
from mmsearch_dagster.core.errors import QueryError, SourceError
from mmsearch_dagster.core.retrieval.query import Answer, Query
from mmsearch_dagster.core.retrieval.variant_groups import variants_record
from mmsearch_dagster.core.understanding.understood import MESSAGE, PREFER, understood_record

if TYPE_CHECKING:
    from mmsearch_dagster.adapters.sources.query_list import QueryList
    from mmsearch_dagster.serving.engine import Engine
    from mmsearch_dagster.serving.open_release import Released

DEFAULT_K = 10
# Deep enough for recall@50 and a little more, when a whole file is answered.
BATCH_K = 100
_MOST_PROBLEMS = 5


def question(text: str | None, image: Path | None, voice: Path | None, weights: Sequence[str] = ()) -> Query:
    """What was typed as a query; weights: `retriever=number` each.

    Raises QueryError for a file that cannot be read and for a weight that is none.
    """
    return Query(text=text, image=read_image(image), audio=_file(voice, "--voice"), weights=_weights(weights))


def answer_query(
    released: "Released", query: Query, name: str, *, k: int, where: str | None, as_json: bool
) -> None:
    """Answer one query; `name` is how a person gave it."""
    answer = released.engine().search(query, k=k, where=where)
    if as_json:
        print(json.dumps(as_dict(answer), ensure_ascii=False, default=str))
    else:
        show(answer, name)


def show(answer: Answer, name: str) -> None:
    """What was recognised, then the products as a table, or one sentence where there is none.

    name: how a person gave the query.
    """
    transcript = answer.transcript
    if transcript is not None:
        words = transcript.text or "no words"
        console.print(f"heard: {words} (confidence {transcript.confidence:.2f})", markup=False)
    for line in understood_lines(answer):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if answer.note is not None:
        console.print(answer.note, highlight=False, markup=False, soft_wrap=True)
    if answer.hits or answer.note is None:
        title = f"{name} · {answer.kind} · {answer.release_id} · {answer.took_ms:.0f} ms"
        console.print(tables.answer(answer, title))


def understood_lines(answer: Answer) -> list[str]:
    """What the words were understood to say, how to undo it, and what they were taken to prefer."""
    understood = answer.understood
    if understood is None:
        return []
    # Where no word is matched, the note says so.
    left_out = (PREFER,) if understood.attested else (PREFER, MESSAGE)
    parts = [part for part in understood.parts if part.effect not in left_out]
    lines = [f"{part.kind}: {part.text} → {part.value}" for part in parts]
    if understood.suggestion:
        lines.append(f"did you mean '{understood.suggestion}'?")
    undoable = [part.kind for part in parts if part.effect != MESSAGE]
    if undoable:
        lines.append(f"(undo: --as-typed, or --ignore {undoable[0]})")
    preferred = [f"{part.value} ({part.kind})" for part in understood.parts if part.effect == PREFER]
    if preferred and answer.hits:
        lines.append(f"preferred: {', '.join(preferred)}")
    return lines


def read_image(image: Path | None) -> bytes | None:
    """The bytes of a picture file. Raises QueryError when it cannot be read."""
    return _file(image, "--image")


def _file(path: Path | None, option: str) -> bytes | None:
    if path is None:
        return None
    try:
        content = path.read_bytes()
    except OSError as error:
        raise QueryError(f"{option} {path} cannot be read: {error.strerror}") from error
    if not content:
        raise QueryError(f"{option} {path} is empty (0 bytes)")
    return content


def _weights(given: Sequence[str]) -> dict[str, float] | None:
    weights: dict[str, float] = {}
    for weight in given:
        retriever, _, number = weight.partition("=")
        try:
            weights[retriever.strip()] = float(number)
        except ValueError as error:
            raise QueryError(
                f"--weight {weight}: give a retriever and a number, for example text=2"
            ) from error
    return weights or None


def as_dict(answer: Answer) -> dict[str, Any]:
    """An answer as the HTTP interface gives it."""
    hits = [
        {
            "rank": hit.rank,
            "product_id": hit.product_id,
            "score": hit.score,
            "branches": dict(hit.branches),
            **({"rules": list(hit.rules)} if hit.rules else {}),
            **variants_record(hit.variants, hit.payload),
            **hit.payload,
        }
        for hit in answer.hits
    ]
    return {
        "release_id": answer.release_id,
        "kind": answer.kind,
        "took_ms": round(answer.took_ms, 1),
        "transcript": answer.transcript and asdict(answer.transcript),
        "note": answer.note,
        "understood": understood_record(answer.understood),
        "hits": hits,
    }


def batch(
    released: "Released", file: Path, out: Path | None, root: Path | None, *, k: int, where: str | None
) -> None:
    """Answer a file of queries as a TREC run."""
    from mmsearch_dagster.adapters.lake.snapshots import write_atomically
    from mmsearch_dagster.adapters.sources.query_list import read_query_list
    from mmsearch_dagster.core.metrics.trec import write_run

    if out is None:
        raise QueryError("--batch needs --out RUN.trec to write the answers to")
    if out.is_dir() or not out.resolve().parent.is_dir():
        raise QueryError(f"--out {out} is not a file in a folder that exists")
    queries = read_query_list(file, root=root, media_root=_media_root(released))
    answers = _answers(released.engine(), queries, k, where)
    rankings = {answer.query_id: [(hit.product_id, hit.score) for hit in answer.hits] for answer in answers}
    write_atomically(out, write_run(rankings, answers[0].release_id if answers else "none").encode())
    answered = sum(bool(answer.hits) for answer in answers)
    console.print(f"{answered:,} of {len(answers):,} queries answered, written to {out}", highlight=False)


def _media_root(released: "Released") -> Path | None:
    """The folder of the released catalogue's images, if the release names one."""
    folder = released.manifest().media_root
    return Path(folder) if folder else None


def _answers(engine: "Engine", queries: "QueryList", k: int, where: str | None = None) -> list[Answer]:
    _tell("left out", queries.left_out)
    _tell("not read", queries.unread)
    readable = {query.query_id for query in queries.queries if query.text or query.image or query.audio}
    if not readable:
        raise SourceError("the file holds no query that can be asked")
    answers = engine.search_batch(queries.queries, k=k, where=where)
    # The reasons of the others were printed above.
    wrong = [answer for answer in answers if answer.problem and answer.query_id in readable]
    _tell("not answered", [f"query {answer.query_id}: {answer.problem}" for answer in wrong])
    return answers


def _tell(what: str, sentences: Sequence[str]) -> None:
    for sentence in sentences[:_MOST_PROBLEMS]:
        _warn(f"{what}: {sentence}")
    if len(sentences) > _MOST_PROBLEMS:
        _warn(f"{what}: {len(sentences) - _MOST_PROBLEMS:,} more")


def _warn(sentence: str) -> None:
    errors.print(sentence, highlight=False, markup=False, soft_wrap=True)


def evaluate(released: "Released", file: Path, root: Path | None, *, as_json: bool) -> None:
    """Measure the released engine per kind of query; one that it cannot answer counts as 0."""
    from mmsearch_dagster.adapters.sources.query_list import read_query_list
    from mmsearch_dagster.core.evaluation.comparison import METRICS
    from mmsearch_dagster.core.evaluation.quality_table import quality_table
    from mmsearch_dagster.core.metrics.ranking import per_query

    queries = read_query_list(file, root=root, media_root=_media_root(released), graded=True)
    engine = released.engine()
    answers = _answers(engine, queries, BATCH_K)
    _warn_of_zeros(engine, queries, answers)
    rankings = {answer.query_id: [hit.product_id for hit in answer.hits] for answer in answers}
    grades = {answer.query_id: queries.grades.get(answer.query_id, {}) for answer in answers}
    import polars as pl

    kinds = pl.DataFrame(
        {
            "query_id": [answer.query_id for answer in answers],
            "kind": [answer.kind or "unreadable" for answer in answers],
        }
    )
    values = per_query(rankings, grades, metrics=list(METRICS)).join(
        kinds, on="query_id", how="left", maintain_order="left"
    )
    table = quality_table(values.with_columns(branch=pl.lit("released engine")))
    if as_json:
        kinds = table.fill_nan(None).to_dicts()  # JSON has no NaN
        print(json.dumps({"release_id": answers[0].release_id, "kinds": kinds}))
        return
    for kind in table["kind"].unique(maintain_order=True):
        console.print(tables.quality(table, kind))


def _warn_of_zeros(engine: "Engine", queries: "QueryList", answers: Sequence[Answer]) -> None:
    """Say what is measured as 0 whatever the engine does."""
    unanswered = sum(answer.problem is not None for answer in answers)
    if unanswered:
        _warn(f"queries without an answer count as 0: {unanswered:,} of {len(answers):,}")
    judged = dict.fromkeys(
        key for grades in queries.grades.values() for key, grade in grades.items() if grade
    )
    absent = sorted(judged - engine.payload(sorted(judged)).keys())
    if absent:
        more = ", ..." if len(absent) > _MOST_PROBLEMS else ""
        _warn(
            f"judged products that release {engine.manifest.release_id} does not hold, so that no answer can "
            f"name them: {len(absent):,} of {len(judged):,} ({', '.join(absent[:_MOST_PROBLEMS])}{more})"
        )
