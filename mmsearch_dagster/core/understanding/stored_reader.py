"""What a `QueryReader` knows of a catalogue as text, so that it is counted once per release."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from mmsearch_dagster.core.understanding.identifiers import Identifiers
from mmsearch_dagster.core.understanding.reading import ExampleProduct, QueryReader
from mmsearch_dagster.core.understanding.synonyms import SynonymRules, Synonyms
from mmsearch_dagster.core.understanding.values import CatalogueValues
from mmsearch_dagster.core.understanding.vocabulary import Vocabulary


def reader_to_text(reader: QueryReader) -> str:
    """Two lines of JSON: all but the products, and the products, which few queries ask for.

    Synonyms are not part of it: a shop changes them without a release.
    """
    words = reader.vocabulary
    catalogue = {
        "frequency": words.frequency,
        "compounds": words.compounds,
        "documents": words.documents,
        "phrases": reader.values.phrases,
        "sizes": sorted(reader.values.sizes),
        "identifiers": reader.identifiers.products,
        "currency": reader.currency,
        "priced": reader.priced,
        "stocked": reader.stocked,
    }
    products = {key: (item.title, item.price, item.category) for key, item in reader.products.items()}
    return "\n".join(json.dumps(part, ensure_ascii=False) for part in (catalogue, products))


def reader_of_text(
    text: str, synonyms: SynonymRules, is_english: Callable[[str], bool] = lambda _: False
) -> QueryReader:
    """The reader that `reader_to_text` wrote.

    Args:
        text: of `reader_to_text`.
        synonyms: of the shop.
        is_english: as in `QueryReader.of`.

    Raises:
        ValueError, KeyError, TypeError: for a damaged text.
    """
    first, products = text.split("\n")
    stored = json.loads(first)
    identifiers = stored["identifiers"].items()
    return QueryReader(
        Vocabulary(stored["frequency"], stored["compounds"], int(stored["documents"])),
        CatalogueValues(
            {phrase: (kind, value) for phrase, (kind, value) in stored["phrases"].items()},
            frozenset(stored["sizes"]),
        ),
        Identifiers({number: tuple(ids) for number, ids in identifiers}),
        Synonyms.of(synonyms),
        products=_StoredProducts(products),
        currency=stored["currency"],
        priced=stored["priced"],
        stocked=stored["stocked"],
        is_english=is_english,
    )


@dataclass(frozen=True, eq=False)
class _StoredProducts(Mapping[str, ExampleProduct]):
    """Parsed when a query names a product as its example."""

    text: str

    @cached_property
    def _products(self) -> dict[str, tuple[str, float | None, str]]:
        return json.loads(self.text)

    def __getitem__(self, key: str) -> ExampleProduct:
        return ExampleProduct(*self._products[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._products)

    def __len__(self) -> int:
        return len(self._products)
