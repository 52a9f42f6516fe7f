"""The end of a run: the release, a search of each kind, answers for one person, and where to look next."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.table import Table

from mmsearch_dagster.adapters.lake.snapshots import Lake
from mmsearch_dagster.cli.display import next_steps, tables
from mmsearch_dagster.cli.display.progress import console
from mmsearch_dagster.cli.display.quarantine import show_counts
from mmsearch_dagster.cli.display.sample_queries import WORDS, Example, examples
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.errors import MmsearchError
from mmsearch_dagster.core.release import ReleaseManifest
from mmsearch_dagster.core.retrieval.query import Answer
from mmsearch_dagster.serving.open_release import Released
from mmsearch_dagster.settings import Settings

if TYPE_CHECKING:
    from mmsearch_dagster.serving.engine import Engine
    from mmsearch_dagster.serving.recommender import Recommender, Suggestions

_SHOWN = 5


def show(settings: Settings, released: Released) -> None:
    """Release, examples, next steps."""
    manifest = released.manifest()
    console.print(tables.facts(release_facts(manifest), "Release"))
    engine, lake = released.engine(), Lake(settings.paths.lake)
    root = Path(manifest.media_root or ".")
    words = None
    for example in examples(lake.current("queries").table(), lake.current("products").table(), root):
        answer = _searched(engine, example)
        if example.kind == WORDS and answer is not None and answer.hits:
            words = (example, answer.hits[0].product_id)
    _people(lambda: released.recommender(engine), lake, words)
    parents = [row.manifest for row in released.releases() if row.manifest.release_id == manifest.parent]
    show_counts(settings.home, parents[0].snapshots if parents else None)
    _left_out(settings, lake)
    next_steps.show(settings)
    console.print(
        f"Next: `mmsearch up --home {settings.home}` opens Dagster (http://127.0.0.1:3000), MLflow "
        "(http://127.0.0.1:5000) and the search page (http://127.0.0.1:8000).",
        highlight=False,
    )


def release_facts(manifest: ReleaseManifest) -> list[tuple[str, str]]:
    """What a person wants to know about a release first."""
    index = manifest.index
    return [
        ("release", manifest.release_id),
        ("catalogue", manifest.catalogue),
        ("model", f"mmsearch version {manifest.model_version} ({manifest.strategy})"),
        (
            "index",
            f"{index.table} version {index.version}, {index.rows:,} rows, vector index: {index.vector_index}"
            if index
            else "-",
        ),
        ("products", f"snapshot {manifest.snapshots.get('products', '-')}"),
        ("encoders", ", ".join(f"{encoder.modality} {encoder.fingerprint}" for encoder in manifest.encoders)),
        ("parent", manifest.parent or "-"),
    ]


def _searched(engine: "Engine", example: Example) -> Answer | None:
    if example.query is None:
        _skipped(f"{example.kind}: skipped, the shop has no such query")
        return None
    try:
        answer = engine.search(example.query, k=_SHOWN)
    except MmsearchError as error:
        _skipped(f"{example.kind}: {example.name}: {error}")
        return None
    title = f"{example.kind}: {example.name}"
    if answer.transcript is not None:
        transcript = answer.transcript
        title += f" · heard: {transcript.text or 'no words'} (confidence {transcript.confidence:.2f})"
    if answer.note is not None:
        _skipped(f"{title}: {answer.note}")
    else:
        console.print(tables.answer(answer, title))
    return answer


def _skipped(sentence: str) -> None:
    console.print(sentence, style="dim", highlight=False, markup=False)


def _people(
    open_recommender: "Callable[[], Recommender]", lake: Lake, words: tuple[Example, str] | None
) -> None:
    """A list for the person of whom most is known, and why the first answer to words stands there."""
    profiles = lake.current("user_profiles").table().sort("events", col.USER_ID, descending=[True, False])
    person = profiles[col.USER_ID].head(1).to_list()
    if not person:
        _skipped("one person's list: skipped, the shop has no log")
    try:
        recommender = open_recommender()
        if person:
            console.print(_list(recommender.recommend(person[0], k=_SHOWN), person[0]))
        if words is not None and words[0].query is not None:
            explanation = recommender.explain(words[0].query, words[1], person[0] if person else None)
            title = escape(f"explain: {words[0].name}, {words[1]}")
            console.print(tables.facts(_why(explanation), title))
    except MmsearchError as error:
        _skipped(f"answers for people: {error}")


def _list(suggestions: "Suggestions", person: str) -> Table:
    return tables.suggestions(suggestions.hits, f"recommend: user {person[:8]}… · by {suggestions.order}")


def _why(explanation: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The order, the retrievers, the modalities, and the features that count most."""
    features = sorted(explanation["features"], key=lambda feature: -abs(feature["contribution"]))[:_SHOWN]
    return [
        ("order", explanation["order"]),
        *(
            (f"retriever {retriever['branch']}", f"rank {retriever['rank']}{_share(retriever['share'])}")
            for retriever in explanation["branches"]
        ),
        *(
            (f"ranking {feature['feature']}", f"{feature['value']}, effect {feature['effect']:+.4f}")
            for feature in explanation["ranking"][:_SHOWN]
        ),
        *(
            (f"modality {modality['modality']}", f"cosine {modality['own_cosine']}")
            for modality in explanation["modalities"]
        ),
        *((f"feature {feature['feature']}", f"{feature['contribution']:+.4f}") for feature in features),
    ]


def _share(share: float | None) -> str:
    """Ranks that are fused share the score; other orders do not part it."""
    return "" if share is None else f", share {share:.4f}"


def _left_out(settings: Settings, lake: Lake) -> None:
    from mmsearch_dagster.core.media.media_limits import left_out_sentence
    from mmsearch_dagster.pipeline.features.media_quarantine import ASSET, MediaQuarantineFacts
    from mmsearch_dagster.pipeline.workspace import Workspace

    stored = MediaQuarantineFacts.of(lake.current(ASSET))
    sentence = left_out_sentence(stored.left_out, stored.files, Workspace(settings).media_limits)
    if sentence:
        console.print(f"{sentence}; see {ASSET}", highlight=False, soft_wrap=True)
