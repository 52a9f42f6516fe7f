"""The release manifest and its pins: the names of everything that belongs together."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.speech.spec import RecogniserSpec

# In the snapshots of a refreshed release: the catalogue that its model was trained on, to which drift is
# measured.
TRAINED_PRODUCTS = "trained_products"


class EncoderIdentity(BaseModel):
    """The identity of an encoder: enough to load it again and to notice another one."""

    model_config = ConfigDict(frozen=True)

    modality: str
    fingerprint: str
    width: int
    spec: dict[str, str | int | float | bool | None]


class RetrievalParams(BaseModel):
    """How the released engine blends its retrievers, chosen on training queries.

    weights: query kind -> retriever (core.retrieval.rank_fusion.RETRIEVERS) -> weight. The fused vector
        weighs 1.0 where it is not named; any other retriever is then not used.
    rrf_k: constant of reciprocal-rank fusion. depth: candidates taken from each retriever.
    orders: query kind -> how its candidates are ordered (core.retrieval.rank_fusion.ORDERS); a kind that is
        not named, nor one that is alike, by reciprocal rank and weights.
    """

    model_config = ConfigDict(frozen=True)

    weights: dict[str, dict[str, float]] = {}
    rrf_k: int = 60
    depth: int = 200
    orders: dict[str, str] = {}


class IndexPin(BaseModel):
    """One published version of the LanceDB table of a catalogue."""

    model_config = ConfigDict(frozen=True)

    table: str
    tag: str
    version: int
    rows: int
    vector_index: str
    measured_recall: float


class RankerPin(BaseModel):
    """What a release knows of people: the files beside its weights, and what was decided about them.

    sha256: over those files. promoted: whether the ranker re-orders what known people find. lists: the order
    of lists without a query for known people (`popular`: nobody's own).
    """

    model_config = ConfigDict(frozen=True)

    sha256: str
    promoted: bool
    lists: str
    people: int


class PhotoMemoryPin(BaseModel):
    """The judged photos that a release compares a photo with: its file beside the weights.

    sha256: of that file. photos, products: how many judged photos of how many products. shrinkage: of the
    space that they are compared in.
    """

    model_config = ConfigDict(frozen=True)

    sha256: str
    photos: int
    products: int
    shrinkage: float


class QueryMemoryPin(BaseModel):
    """The past queries that a release knows the outcome of: their file beside the weights.

    sha256: of that file. queries: how many different ones.
    """

    model_config = ConfigDict(frozen=True)

    sha256: str
    queries: int


class RankingPin(BaseModel):
    """The learned ranking of search results: its files beside the weights.

    sha256: over those files. strategy: of core.ranking.rankers.stage.RankingStage.
    """

    model_config = ConfigDict(frozen=True)

    sha256: str
    strategy: str


class ReleaseManifest(BaseModel):
    """Everything a reader needs; stored in the tags of its MLflow model version.

    media_root: the folder that the picture uris in the index are relative to.
    recogniser: of spoken queries. language: digest of what it expects to hear; None in releases of
        before it was kept with them, whose recogniser expects the words of the index.
    ranker: what it knows of people; None in releases of before there was one.
    photo_memory: None where a shop has too few judged photos. query_memory: None where none is shown to help.
    ranking: the learned order of search results; None where none is used.
    trained_on: what else than the catalogue the training depended on, name -> digest; None where nothing
        noted it. refresh_of: the release whose model this one publishes over another catalogue; None for
        the release that came of the training itself.
    """

    model_config = ConfigDict(frozen=True)

    release_id: str
    catalogue: str
    model_version: int
    strategy: str
    weights_sha256: str
    encoders: tuple[EncoderIdentity, ...]
    retrieval: RetrievalParams
    snapshots: dict[str, str]
    media_root: str | None = None
    recogniser: RecogniserSpec = RecogniserSpec()
    language: str | None = None
    index: IndexPin | None = None
    ranker: RankerPin | None = None
    photo_memory: PhotoMemoryPin | None = None
    query_memory: QueryMemoryPin | None = None
    ranking: RankingPin | None = None
    parent: str | None = None
    trained_on: dict[str, str] | None = None
    refresh_of: str | None = None


def refresh_id_of(refresh_of: str, snapshots: Mapping[str, str]) -> str:
    """Id of a release that publishes the model of another one over these snapshots of the catalogue."""
    return "r-" + digest_of({"refresh_of": refresh_of, "catalogue": dict(snapshots)})[:10]


def release_id_of(
    catalogue: str,
    weights_sha256: str,
    encoders: tuple[EncoderIdentity, ...],
    products_snapshot: str,
    *,
    retrieval: RetrievalParams,
    recogniser: RecogniserSpec = RecogniserSpec(),
    language: str | None = None,
    ranker: RankerPin | None = None,
    photo_memory: PhotoMemoryPin | None = None,
    query_memory: QueryMemoryPin | None = None,
    ranking: RankingPin | None = None,
) -> str:
    """The id follows from the content, so an interrupted run ends in the same release as a calm one."""
    return (
        "r-"
        + digest_of(
            {
                "catalogue": catalogue,
                "weights": weights_sha256,
                "encoders": sorted(encoder.fingerprint for encoder in encoders),
                "products": products_snapshot,
                "retrieval": retrieval.model_dump(),
                "recogniser": recogniser.model_dump(),
                **({"language": language} if language else {}),
                **({"ranker": ranker.sha256} if ranker else {}),
                **({"photo_memory": photo_memory.sha256} if photo_memory else {}),
                **({"query_memory": query_memory.sha256} if query_memory else {}),
                **({"ranking": ranking.sha256} if ranking else {}),
            }
        )[:10]
    )
