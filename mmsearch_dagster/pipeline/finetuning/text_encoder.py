"""The text encoder of this run: the configured one, or that one fine-tuned on judged and logged queries."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from mmsearch_dagster.adapters.lake.snapshots import Facts
from mmsearch_dagster.core.digest import digest_of, sha256_text
from mmsearch_dagster.core.encoders.protocol import EncoderSpec
from mmsearch_dagster.core.errors import UserError
from mmsearch_dagster.core.finetuning.text_examples import (
    QueryExample,
    hold_out_examples,
    with_negatives,
)
from mmsearch_dagster.core.finetuning.text_params import TextFinetuneParams
from mmsearch_dagster.core.modalities import TEXT, Matrix
from mmsearch_dagster.core.retrieval.nearest import unit_rows
from mmsearch_dagster.pipeline.finetuning.finetuning_run import epochs_chart, finetuning_run
from mmsearch_dagster.pipeline.finetuning.text_examples import TextExamples, text_examples
from mmsearch_dagster.pipeline.report import StepReport, timed
from mmsearch_dagster.pipeline.workspace import TEXT_ENCODER, Workspace

if TYPE_CHECKING:
    from mmsearch_dagster.core.finetuning.text import TunedText

MODEL = "model"
CURVE = "curve.json"
PICTURE = "curve.png"
# Ids of the queries that it was trained on.
LEARNED = "learned.json"
# Raised when the loop's code changes what the same parameters give.
CODE_VERSION = "1"
_LINES = {"loss": "loss", "held_out": "nDCG@10 of held-out queries"}
# Held-out queries, and how many of each one's nearest products they are measured among in a large catalogue.
_MOST_HELD_OUT, _NEAREST, _WHOLE_CATALOGUE = 300, 20, 2_000


class TextEncoderFacts(Facts):
    """What is stored with a text encoder. rows: training queries. share: of the way to the tuned weights, 0
    where it did not pay. frozen, gain: nDCG@10 of the held-out queries, and its change with its interval."""

    held_out: int
    share: float
    frozen: float
    gain: float
    gain_low: float
    gain_high: float
    mlflow_run: str | None


def tune_text_encoder(workspace: Workspace) -> StepReport:
    """Without `finetune_text` nothing is done. The same queries, encoder and params are never trained twice.

    Negatives are mined in the catalogue of the day of training; a product more or less trains nothing anew.

    Raises:
        UserError: there are too few queries.
        ConfigError: the text encoder cannot be fine-tuned.
    """
    params = workspace.finetune_text
    if params is None:
        return StepReport(TEXT_ENCODER, made=False, note="the configured encoder is used as it is")
    from mmsearch_dagster.adapters.models.finetune_text import require_tunable_text

    with timed(TEXT_ENCODER) as report:
        spec = require_tunable_text(workspace.preset.encoder(TEXT))
        given = text_examples(workspace, spec).first(params.most)
        _check_enough(given.examples, params)
        facts = {
            "code": CODE_VERSION,
            "encoder": workspace.identity(spec).fingerprint,
            "params": params.model_dump(),
            "queries": [_content(example, given.products) for example in given.examples],
        }
        digest = digest_of(facts)

        def make(folder: Path) -> dict[str, Any]:
            return _tune(workspace, spec, given, digest, folder).model_dump()

        snapshot, made = workspace.lake.obtain(TEXT_ENCODER, digest, make)
        report.about(snapshot, made)
        report.note = _outcome(TextEncoderFacts.model_validate(snapshot.facts))
        used = workspace.encoder(TEXT)
        report.metrics["encoder"] = workspace.identity(used or spec).fingerprint
        report.tables["epochs"] = pl.DataFrame(json.loads((snapshot.folder / CURVE).read_text()))
        report.images["held-out queries"] = (snapshot.folder / PICTURE).read_bytes()
    return report


def learned_queries(workspace: Workspace) -> frozenset[str]:
    """Ids of the training queries whose answers the text encoder of this run remembers: what it gives them
    says nothing about others. Empty for an encoder as configured."""
    if workspace.finetune_text is None:
        return frozenset()
    tuned = workspace.lake.current(TEXT_ENCODER)
    if not TextEncoderFacts.model_validate(tuned.facts).share:
        return frozenset()
    return frozenset(json.loads((tuned.folder / LEARNED).read_text(encoding="utf-8")))


def _check_enough(examples: Sequence[QueryExample], params: TextFinetuneParams) -> None:
    if len(examples) < params.fewest:
        raise UserError(
            f"--finetune-text needs at least {params.fewest} training queries with words and a product that "
            f"answers them (judged, split train, or in the log); there are {len(examples)}: add some, or "
            "give --no-finetune-text"
        )


def _content(example: QueryExample, products: Sequence[str]) -> tuple[str, str, list[tuple[str, float]]]:
    """All of a query that decides what is learned from it."""
    graded = sorted((sha256_text(products[row]), grade) for row, grade in example.grades.items())
    return example.text, example.provenance, graded


def _outcome(facts: TextEncoderFacts) -> str:
    gain = f"{facts.gain:+.3f} [{facts.gain_low:.3f}, {facts.gain_high:.3f}]"
    measured = f"nDCG@10 of {facts.held_out} held-out training queries {facts.frozen:.3f}, change {gain}"
    if facts.share:
        return f"the tuned encoder is used: {measured}"
    return f"fine-tuning does not pay, the configured encoder is used: {measured}"


def _tune(
    workspace: Workspace, spec: EncoderSpec, given: TextExamples, digest: str, folder: Path
) -> TextEncoderFacts:
    from mmsearch_dagster.adapters.models.finetune_text import tune_text

    params = workspace.finetune_text
    assert params is not None
    train, held_out, pool = _parts(given, _frozen_vectors(workspace, spec, given), params)
    workspace.progress.start(TEXT_ENCODER, len(train) * params.epochs)
    checkpoint = workspace.paths.encoder_cache / f"{digest}.checkpoint"
    data = ("judged and logged queries", len(train))
    with finetuning_run(workspace, TEXT_ENCODER, digest, params, data=data) as (log, watch):
        tuned = tune_text(
            spec,
            (train, held_out),
            (given.products, pool),
            params,
            folder / MODEL,
            watch=watch,
            checkpoint=checkpoint,
        )
        (folder / PICTURE).write_bytes(epochs_chart(tuned.curve, _LINES, "Fine-tuning the text encoder"))
        log.figure("held-out queries", (folder / PICTURE).read_bytes())
        log.metrics({"share": tuned.share, "gain": tuned.gain.mean, "gain_low": tuned.gain.low})
        run_id = log.run_id
    (folder / LEARNED).write_text(json.dumps(given.ids_of(train)), encoding="utf-8")
    (folder / CURVE).write_text(json.dumps([asdict(epoch) for epoch in tuned.curve]), encoding="utf-8")
    return _facts(tuned, len(train), len(held_out), run_id)


def _facts(tuned: "TunedText", trained: int, held_out: int, run_id: str | None) -> TextEncoderFacts:
    return TextEncoderFacts(
        rows=trained,
        held_out=held_out,
        share=tuned.share,
        frozen=round(tuned.frozen, 4),
        gain=round(tuned.gain.mean, 4),
        gain_low=round(tuned.gain.low, 4),
        gain_high=round(tuned.gain.high, 4),
        mlflow_run=run_id,
    )


@dataclass(frozen=True)
class _Vectors:
    """Unit vectors of the frozen encoder. queries: text -> [d]. products: [n, d]."""

    queries: Mapping[str, Matrix]
    products: Matrix

    def cosines(self, example: QueryExample) -> Matrix:
        """Of a query with every product, [n]."""
        return self.products @ self.queries[example.text]


def _frozen_vectors(workspace: Workspace, spec: EncoderSpec, given: TextExamples) -> _Vectors:
    """Those of products are needed in a run without fine-tuning too, and are kept."""
    from mmsearch_dagster.adapters.feature_store.feature_store import text_content

    def encoded(texts: Sequence[str], stage: str) -> Matrix:
        contents = [text_content(text) for text in texts]
        identity = workspace.identity(spec)
        read = workspace.features.obtain(
            identity, contents, workspace.loader(spec), workspace.progress, f"{TEXT_ENCODER} ({stage})"
        )
        nothing = np.zeros(identity.width, dtype=np.float32)
        return unit_rows(np.stack([read.vectors.get(content.key, nothing) for content in contents]))

    queries = [example.text for example in given.examples]
    by_text = dict(zip(queries, encoded(queries, "queries"), strict=True))
    return _Vectors(by_text, encoded(given.products, "products"))


def _parts(
    given: TextExamples, vectors: _Vectors, params: TextFinetuneParams
) -> tuple[list[QueryExample], list[QueryExample], list[int]]:
    """Queries that train, with negatives; queries that measure; rows of the products they measure among."""
    share = min(params.held_out, _MOST_HELD_OUT / len(given.examples))
    train, held_out = hold_out_examples(given.examples, share, params.seed)
    train = [with_negatives(example, vectors.cosines(example)) for example in train]
    if len(given.products) <= _WHOLE_CATALOGUE:
        return train, held_out, list(range(len(given.products)))
    pool: set[int] = set()
    for example in held_out:
        pool |= set(np.argsort(-vectors.cosines(example), kind="stable")[:_NEAREST].tolist())
        pool |= set(sorted(example.grades, key=lambda row: -example.grades[row])[:_NEAREST])
    return train, held_out, sorted(pool)
