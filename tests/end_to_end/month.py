"""A shop that lives: each morning its export is a day longer, and a clock that a test sets."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

from mmsearch_dagster.api.release_watcher import ReleaseFollower
from mmsearch_dagster.core.retrieval.query import Query
from tests.homes import Place
from tests.shops import read_csv, write_csv

# The product whose price says which morning it is.
DAILY = "SKU-10001"
QUERIES = ("a red kite", "mug", "something to listen to music", "blau kissen")


@dataclass
class FakeClock:
    """Stands still until it is set."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass
class LivingShop:
    """The export of a shop in a folder; `start` is midnight before day 1.

    Each morning the log holds the days before it, and the daily product has the price `price(day)`.
    """

    folder: Path
    start: datetime

    def __post_init__(self) -> None:
        self._products = read_csv(self.folder / "products.csv")
        self._judgments = (self.folder / "judgments.csv").read_bytes()
        self._log = (self.folder / "ubi.ndjson").read_text(encoding="utf-8").splitlines()
        parsed = [json.loads(line) for line in self._log]
        self._entries = [
            (head, entry, datetime.fromisoformat(entry["timestamp"]))
            for head, entry in zip(parsed[::2], parsed[1::2], strict=True)
        ]
        self._days = sorted({moment.date() for _, _, moment in self._entries})

    @staticmethod
    def price(day: int) -> float:
        return 100.0 + day

    def morning(self, day: int) -> None:
        """Writes the export of that day."""
        for row in self._products:
            if row["product_id"] == DAILY:
                row["price"] = str(self.price(day))
        write_csv(self.folder / "products.csv", self._products)
        (self.folder / "judgments.csv").write_bytes(self._judgments)
        lines = [*self._log, *(line for past in range(1, day) for line in self.log_of(past))]
        (self.folder / "ubi.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def log_of(self, day: int) -> Iterator[str]:
        """What shoppers did on that day: the searches of a day of the drawn log, under ids of their own."""
        date, drawn = (self.start + timedelta(days=day - 1)).date(), self.drawn_day(day)
        for head, entry, moment in self._entries:
            if moment.date() != drawn:
                continue
            moved = datetime.combine(date, moment.time(), UTC)
            identity = str(uuid5(NAMESPACE_OID, f"{day}{head['index']['_id']}"))
            ids = {
                name: str(uuid5(NAMESPACE_OID, f"{day}{entry[name]}"))
                for name in ("query_id", "session_id")
                if name in entry
            }
            when = moved.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            yield json.dumps({"index": {**head["index"], "_id": identity}})
            yield json.dumps({**entry, **ids, "timestamp": when})

    def drawn_day(self, day: int) -> date:
        """The day of the drawn log whose searches that day repeats."""
        return self._days[(day - 1) % len(self._days)]

    def reprice(self, factor: float) -> None:
        """Planted drift: from the next morning on all but the daily product cost so many times more."""
        for row in self._products:
            if row["product_id"] != DAILY and row["price"] and float(row["price"]) > 0:
                row["price"] = f"{float(row['price']) * factor:.2f}"

    def cut_off(self) -> None:
        """The export of today broke off: most products are missing."""
        write_csv(self.folder / "products.csv", self._products[: len(self._products) // 3])


@dataclass
class Shopper:
    """Asks all the time, as the API does: of the engine that follows the pointer."""

    place: Place
    answers: list[tuple[str, Mapping[str, float]]] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)

    @contextmanager
    def asking(self) -> Iterator[None]:
        released = self.place.released
        follower = ReleaseFollower(released.engine, released.release_id, 0.2)
        follower.refresh()
        follower.start()
        done = threading.Event()
        thread = threading.Thread(target=self._ask, args=(follower, done), daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
            follower.stop()

    def _ask(self, follower: ReleaseFollower, done: threading.Event) -> None:
        number = 0
        while not done.wait(1):
            try:
                answer = follower.engine().search(Query(text=QUERIES[number % len(QUERIES)]), k=20)
            except BaseException as error:  # a shopper without an answer is what the test is about
                self.failures.append(error)
                continue
            prices = {hit.product_id: hit.payload["price"] for hit in answer.hits}
            self.answers.append((answer.release_id, prices))
            number += 1
