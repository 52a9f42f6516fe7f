"""Documents of MongoDB as lines of JSON: what pymongo promises of its collection is all that is needed."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bson import Decimal128, ObjectId

from mmsearch_dagster.adapters.databases.mongo_documents import lines_of


class Documents:
    """A collection as far as it is used: `find(filter, batch_size=...)` gives documents."""

    def __init__(self, *documents: dict[str, Any]) -> None:
        self._documents = documents
        self.filters: list[dict[str, Any]] = []

    def find(self, filter: dict[str, Any], *, batch_size: int) -> Any:
        self.filters.append(filter)
        return iter(self._documents)


def test_each_document_is_a_line_with_its_own_types_as_text() -> None:
    collection = Documents(
        {
            "_id": ObjectId("0123456789abcdef01234567"),
            "name": {"de": "Чайник"},
            "price": Decimal128(Decimal("12.90")),
            "changed": datetime(2026, 11, 1, 10, 0, tzinfo=UTC),
            "pictures": ["a.jpg", "b.jpg"],
        },
        {"_id": 2},
    )

    lines = [json.loads(line) for line in lines_of(collection, {"live": True})]

    assert lines == [
        {
            "_id": "0123456789abcdef01234567",
            "name": {"de": "Чайник"},
            "price": "12.90",
            "changed": "2026-11-01T10:00:00+00:00",
            "pictures": ["a.jpg", "b.jpg"],
        },
        {"_id": 2},
    ]
    assert collection.filters == [{"live": True}]
