"""A month passes: daily data, drift, a bad batch, a worse model, another encoder, a rollback."""

import shutil
from dataclasses import replace
from datetime import datetime, timedelta

import polars as pl
import pytest

from mmsearch_dagster.adapters.host.clock import utc_clock
from mmsearch_dagster.adapters.registry.ledger import MOVES, Ledger
from mmsearch_dagster.core.catalog import columns as col
from mmsearch_dagster.core.errors import GateRefusedError, PolicyError
from mmsearch_dagster.core.modalities import IMAGE, VIDEO
from mmsearch_dagster.core.triggers.triggers import DRIFT, Evidence, PastRun, TriggerPolicy, decide
from mmsearch_dagster.pipeline.monitoring.after_run import after_run
from mmsearch_dagster.pipeline.monitoring.day_files import kept_days
from mmsearch_dagster.pipeline.monitoring.monitors import watch_data
from mmsearch_dagster.pipeline.release.catalogue_refresh import refresh_catalogue
from mmsearch_dagster.pipeline.release.encoder_upgrade import (
    changed_encoders,
    encode_parts,
    propose_encoder,
)
from mmsearch_dagster.pipeline.retention.prune import KEEP, find_unused, prune
from mmsearch_dagster.pipeline.run import read_catalogue, release_challenger, train_models
from mmsearch_dagster.pipeline.workspace import Workspace
from tests.end_to_end.month import DAILY, FakeClock, LivingShop, Shopper
from tests.end_to_end.spoiled import spoil_candidates
from tests.homes import Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

DAYS, DRIFTS, BAD_BATCH, WORSE_MODEL, OTHER_ENCODER, ROLLED_BACK = 30, 12, 17, 20, 24, 27
_SMALLER_PICTURES = "\nsmaller-pictures: {modality: image, library: timm, model: embedded, size: 160}\n"
_SUNDAYS = "models are trained once a week"


class Month:
    """Thirty mornings of one home, and what was noted on each."""

    def __init__(self, place: Place, clock: FakeClock, shop: LivingShop) -> None:
        self.place, self.clock, self.shop = place, clock, shop
        self.served: dict[int, str] = {}
        self.prices: dict[str, dict[str, float]] = {}
        self.settings = place.settings
        self.refusals: dict[int, str] = {}
        self.alerts: dict[int, list[str]] = {}
        self.trained: dict[int, str] = {}
        self.first, self.shopper = place.manifest(), Shopper(place)
        self._runs: list[PastRun] = []

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.settings, self.place.assets, clock=self.clock)

    def pass_by(self) -> None:
        for day in range(1, DAYS + 1):
            self.clock.now = self.shop.start + timedelta(days=day - 1, hours=6)
            self._morning(day)
            self.served[day] = self.place.manifest().release_id
            self._note_prices()
            self.alerts[day] = [alert.kind for alert in after_run(self.workspace)]
            if day % 7 == 0:
                prune(self.workspace, KEEP)

    def _morning(self, day: int) -> None:
        if day == DRIFTS:
            self.shop.reprice(9)
        self.shop.morning(day)
        if day == BAD_BATCH:
            self.shop.cut_off()
        if day == OTHER_ENCODER:
            self._propose_smaller_pictures()
        try:
            self._refresh(day)
        except (GateRefusedError, PolicyError) as error:
            self.refusals[day] = str(error)
        if day == ROLLED_BACK:
            self.place.mmsearch("rollback", self.served[day - 2], "--reason", "complaints about mugs")

    def _note_prices(self) -> None:
        """Product -> price in the catalogue of every new release; a later clean-up may remove it."""
        lake = self.workspace.lake
        for row in self.workspace.registry.releases():
            products = lake.find("products", row.manifest.snapshots["products"])
            if row.manifest.release_id not in self.prices and products is not None:
                self.prices[row.manifest.release_id] = dict(
                    products.table().select(col.PRODUCT_ID, col.PRICE).iter_rows()
                )

    def _propose_smaller_pictures(self) -> None:
        """Another encoder of pictures: the catalogue is encoded in parts before any training."""
        proposal = propose_encoder(self.workspace, IMAGE, "smaller-pictures")
        preset = Workspace(replace(self.settings, preset=proposal), self.place.assets)
        for spec in changed_encoders(self.workspace.preset, preset.preset):
            assert sum(part.encoded for part in encode_parts(preset, spec)) > 0
        self.settings = replace(self.settings, preset=proposal)

    def _refresh(self, day: int) -> None:
        workspace = self.workspace
        read_catalogue(workspace)
        why = self._why_train(day)
        refresh_catalogue(workspace, retrain=bool(why), because=why, hold="" if why else _SUNDAYS)
        if not why:
            return
        self.trained[day] = why
        train_models(workspace)
        if day == WORSE_MODEL:
            spoil_candidates(self.place)
        release_challenger(workspace)

    def _why_train(self, day: int) -> str:
        """What a schedule, a person or the drift trigger has to say for a training."""
        if day == WORSE_MODEL:
            return "the weekly training"
        if day == OTHER_ENCODER:
            return "another encoder"
        drift = watch_data(self.workspace)
        if drift.fine is not False:
            return ""
        evidence = Evidence(DRIFT, drift.report.digest, drift.sentence)
        decision = decide(self.clock(), self._runs, TriggerPolicy(), evidence)
        if decision.retrain:
            self._runs.append(PastRun(self.clock(), DRIFT, evidence.key, trained=True))
        return decision.why if decision.retrain else ""


@pytest.fixture(scope="module")
def month(tiny: Place, tmp_path_factory: pytest.TempPathFactory) -> Month:
    """The tiny home a month later, and what shoppers were answered meanwhile."""
    folder = tmp_path_factory.mktemp("month")
    assert tiny.source is not None
    shutil.copytree(tiny.source.parent, folder / "shop")
    shutil.copytree(tiny.assets, folder / "reviewed")
    copied = tiny.copy(folder / "home", source=folder / "shop" / "source.yaml")
    place = Place(copied.home, copied.source, folder / "reviewed")
    with (place.assets / "encoders.yaml").open("a", encoding="utf-8") as file:
        file.write(_SMALLER_PICTURES)
    start = utc_clock().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    month = Month(place, FakeClock(start), LivingShop(folder / "shop", start))
    with month.shopper.asking():
        month.pass_by()
    return month


def test_models_are_trained_for_a_reason_and_only_then(month: Month) -> None:
    assert list(month.trained) == [DRIFTS, WORSE_MODEL, OTHER_ENCODER]
    assert "price" in month.trained[DRIFTS]


def test_what_is_bad_is_refused_with_a_sentence(month: Month) -> None:
    assert list(month.refusals) == [BAD_BATCH, WORSE_MODEL]
    assert "cut off" in month.refusals[BAD_BATCH]
    reason = month.refusals[WORSE_MODEL]
    assert "falls behind" in reason or "difference to the champion -" in reason


def test_every_mornings_price_is_served_also_where_the_model_is_refused(month: Month) -> None:
    served = {day: month.prices[release_id][DAILY] for day, release_id in month.served.items()}

    expected = {day: month.shop.price(day) for day in range(1, DAYS + 1)}
    expected[BAD_BATCH] = month.shop.price(BAD_BATCH - 1)  # the export of that morning was cut off
    expected[ROLLED_BACK] = month.shop.price(ROLLED_BACK - 2)  # a release goes back whole
    assert served == expected


def test_no_refused_model_was_ever_served(month: Month) -> None:
    lines = Ledger(month.place.paths.ledger).lines()
    refused = {line.model_version for line in lines if line.action == "rejection"}

    assert refused
    assert not refused & {line.model_version for line in lines if line.action in MOVES}


def test_somebody_is_told_of_the_refused_model_and_of_the_drift_and_not_every_day(month: Month) -> None:
    told = {day: kinds for day, kinds in month.alerts.items() if kinds}

    assert "refused_model" in told[WORSE_MODEL]
    assert sum("refused_model" in kinds for kinds in told.values()) == 1
    assert len(told) <= 4


def test_the_figures_of_every_day_are_kept(month: Month) -> None:
    days = [kept.day for kept in kept_days(month.place.paths.metrics)]

    first = month.shop.start.date()
    assert days[-DAYS:] == [first + timedelta(days=number) for number in range(DAYS)]


def test_the_ledger_tells_the_story(month: Month) -> None:
    lines = Ledger(month.place.paths.ledger).lines()[1:]  # the first release was before this month
    start = month.shop.start.date()
    story = [((datetime.fromisoformat(line.when).date() - start).days + 1, line.action) for line in lines]

    expected = []
    for day in range(1, DAYS + 1):
        expected += [] if day == BAD_BATCH else [(day, "promotion")]  # the catalogue of the morning
        expected += [(day, "promotion")] if day in (DRIFTS, OTHER_ENCODER) else []
        expected += [(day, "rejection")] if day == WORSE_MODEL else []
        expected += [(day, "rollback")] if day == ROLLED_BACK else []
    assert story == expected


def test_shoppers_were_answered_all_the_time_and_by_one_release_at_a_time(month: Month) -> None:
    assert not month.shopper.failures
    assert len({release_id for release_id, _ in month.shopper.answers}) > DAYS / 2
    for release_id, prices in month.shopper.answers:
        assert prices.items() <= month.prices[release_id].items()


def test_the_new_encoder_answers_from_its_day_on(month: Month) -> None:
    now, before = month.place.manifest(), month.first

    assert [each.modality for each in now.encoders] == [each.modality for each in before.encoders]
    changed = {a.modality for a, b in zip(now.encoders, before.encoders, strict=True) if a != b}
    assert changed == {IMAGE, VIDEO}  # frames are read by the encoder of pictures


def test_the_home_holds_no_more_than_the_last_releases(month: Month) -> None:
    kept = prune(month.workspace, KEEP).kept

    tags = month.workspace.index.tags(month.first.catalogue)
    assert len(kept) <= KEEP + 1  # the model of a refreshed release stays beside it
    assert set(tags) == set(kept)
    assert not find_unused(month.workspace, KEEP).snapshots


def test_no_day_of_the_log_is_missing_or_double(month: Month) -> None:
    events = month.place.workspace.lake.current("interactions").table()

    kept = dict(events.group_by(pl.col(col.TIMESTAMP).dt.date()).len().iter_rows())
    for day in range(1, DAYS):
        date = (month.shop.start + timedelta(days=day - 1)).date()
        assert kept[date] == kept[month.shop.drawn_day(day)], day
    assert events[col.EVENT_ID].is_unique().all()
