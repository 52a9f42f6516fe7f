"""A query once it is prepared: what search, explanations, people's answers and evaluation read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.modalities import Matrix, ModalityBatch
from mmsearch_dagster.core.retrieval.rank_fusion import BY_RANKS
from mmsearch_dagster.core.retrieval.text_blend import text_blend
from mmsearch_dagster.core.speech.transcript import Transcript
from mmsearch_dagster.core.understanding.understood import Understood


class PersonScorer(Protocol):
    """What a release knows of the person who searches."""

    def scores(self, query: "PreparedQuery", product_ids: Sequence[str]) -> NDArray[np.float64]:
        """How well each product fits this person and query, [n], NaN for a product that it knows nothing of.

        Args:
            query: encoded.
            product_ids: `n` products, in the order for everybody.
        """
        ...


@dataclass(frozen=True)
class PreparedQuery:
    """One query, cleaned, transcribed, named, weighted and encoded once.

    text: cleaned, None or not empty; with the transcript. typed: without it. audio: the recording, where it
    was understood. order: of rank_fusion.ORDERS. weights: per retriever, already checked. modality_weights:
    per modality, those above 0 that the request itself names. transcript: what was recognised, however
    doubtful. vectors: a batch of one row, of its modalities' own vectors; empty until it is encoded.
    understood: what `text` was made from; None where no catalogue was at hand to read it by. closer_look:
    vector of the middle of `image`, float32 [d], where a photo memory is searched. query_id: of the request,
    empty where it gave none. person: who searches, where the release orders results for them.
    """

    text: str | None
    image: bytes | None
    kind: str
    weights: Mapping[str, float] = field(default_factory=dict)
    order: str = BY_RANKS
    audio: bytes | None = None
    transcript: Transcript | None = None
    modality_weights: Mapping[str, float] = field(default_factory=dict)
    typed: str | None = None
    vectors: ModalityBatch = field(default_factory=lambda: ModalityBatch(("query",), {}, {}))
    understood: Understood | None = None
    closer_look: Matrix | None = None
    query_id: str = ""
    person: PersonScorer | None = None

    @property
    def full_text(self) -> str | None:
        """What full-text search reads: the words, and further ones that mean the same."""
        return self.understood.search_text if self.understood else self.text

    @property
    def text_blend(self) -> dict[str, float]:
        """What its words are encoded as, with weights that sum to 1."""
        return text_blend(self.text, self.typed, self.transcript.confidence if self.transcript else 1.0)
