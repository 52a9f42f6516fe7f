"""Files of a shop as a watch sees them, tick after tick."""

from datetime import UTC, datetime, timedelta

import pytest

from mmsearch_dagster.core.triggers.source_watch import (
    FileStamp,
    SourceLook,
    TableLook,
    WatchState,
    look,
)

START = datetime(2026, 5, 3, 12, tzinfo=UTC)
SETTLE = timedelta(seconds=60)


class Folder:
    """Files by name: what is in them, and when it was written."""

    def __init__(self, **files: str) -> None:
        self.now, self.state = START, None
        self.files = {name: (text, 0) for name, text in files.items()}
        self.read: list[str] = []
        self.tick()

    state: WatchState | None

    def write(self, name: str, text: str) -> None:
        self.files[name] = (text, round((self.now - START).total_seconds() * 1e9) + 1)

    def tick(self, seconds: int = 0) -> SourceLook:
        """A look after so many seconds; its state is kept as JSON, as a cursor is."""
        self.now += timedelta(seconds=seconds)
        kept = WatchState.model_validate_json(self.state.model_dump_json()) if self.state else None
        stamps = {name: FileStamp(size=len(text), modified_ns=at) for name, (text, at) in self.files.items()}
        result = look(kept, self.now, stamps, content=self._content, settle=SETTLE)
        self.state = result.state
        return result

    def accept(self) -> None:
        assert self.state is not None
        self.state = self.state.accepted()

    def _content(self, name: str) -> str:
        self.read.append(name)
        return self.files[name][0]


def test_the_first_look_hands_nothing_on() -> None:
    folder = Folder(products="a")
    assert folder.tick(600).changed == ()


def test_a_changed_file_is_handed_on_when_it_has_settled() -> None:
    folder = Folder(products="a", events="e")
    folder.write("products", "ab")
    assert folder.tick(10).waiting == ("products",)
    assert folder.tick(59).changed == ()
    assert folder.tick(1).changed == ("products changed",)


def test_a_file_that_still_grows_is_waited_for() -> None:
    folder = Folder(products="a")
    for length in range(2, 8):
        folder.write("products", "a" * length)
        assert folder.tick(40).changed == ()
    assert folder.tick(60).changed == ("products changed",)


def test_one_file_that_grows_holds_the_others() -> None:
    """A run reads them all."""
    folder = Folder(products="a", events="e")
    folder.write("products", "ab")
    folder.tick(10)
    folder.tick(60)
    folder.write("events", "ee")
    assert folder.tick(10).changed == ()
    assert folder.tick(60).changed == ("events changed", "products changed")


def test_a_change_is_told_until_it_is_accepted_and_never_again() -> None:
    folder = Folder(products="a")
    folder.write("products", "ab")
    folder.tick(1)
    first, second = folder.tick(60), folder.tick(30)
    assert first.changed == second.changed == ("products changed",)
    assert first.state.key == second.state.key
    folder.accept()
    assert folder.tick(30).changed == ()


def test_a_file_that_was_only_touched_has_not_changed() -> None:
    folder = Folder(products="a")
    folder.write("products", "a")
    folder.tick(1)
    assert folder.tick(60).changed == ()
    folder.read.clear()
    folder.tick(30)
    assert folder.read == []  # and is not read a second time


def test_new_and_vanished_files_are_named() -> None:
    folder = Folder(products="a", events="e")
    folder.write("judgments", "j")
    del folder.files["events"]
    folder.tick(1)
    assert folder.tick(60).changed == ("events is gone", "judgments is new")


def test_a_file_that_is_gone_for_a_moment_is_no_change() -> None:
    """As while an export is replaced."""
    folder = Folder(products="a")
    kept = folder.files.pop("products")
    folder.tick(10)
    folder.files["products"] = kept
    assert folder.tick(60).changed == ()


def test_a_file_that_goes_back_to_what_it_was_has_changed_again() -> None:
    folder, keys = Folder(products="a"), []
    for text in ("ab", "a", "ab"):
        folder.write("products", text)
        folder.tick(1)
        keys.append(folder.tick(60).state.key)
        folder.accept()
    assert len(set(keys)) == 3


def test_a_clock_that_was_set_back_holds_a_change_no_longer_than_it_has_to_settle() -> None:
    folder = Folder(products="a")
    folder.write("products", "ab")
    folder.tick(1)
    folder.tick(-86_400)
    assert folder.tick(60).changed == ("products changed",)


def look_at_pictures(state: WatchState | None, seconds: int, **stamps: FileStamp) -> SourceLook:
    """A look at folders of media, so many seconds after the start."""
    followed = state.following(stamps) if state else None
    now = START + timedelta(seconds=seconds)
    return look(followed, now, stamps, content=lambda name: stamps[name].digest, settle=SETTLE)


def test_a_folder_whose_files_differ_has_changed_and_is_counted() -> None:
    first = look_at_pictures(None, 0, images=FileStamp(size=1_000, digest="a"))
    added = FileStamp(size=1_002, digest="b")
    second = look_at_pictures(first.state, 10, images=added)

    assert second.waiting == ("images",)
    assert look_at_pictures(second.state, 70, images=added).changed == (
        "images changed (1,000 entries, now 1,002)",
    )


def test_a_folder_that_comes_to_be_watched_or_is_watched_no_more_is_no_change() -> None:
    """The products that name it have changed before."""
    images, sounds = FileStamp(size=2, digest="a"), FileStamp(size=1, digest="b")
    state = look_at_pictures(None, 0, images=images).state
    for stamps in ({"images": images, "sounds": sounds}, {"sounds": sounds}):
        state = look_at_pictures(state, 600, **stamps).state
        assert look_at_pictures(state, 1_200, **stamps).changed == ()


@pytest.mark.parametrize(
    ("minutes", "problem", "momentary", "due"),
    [
        (4, "", False, False),
        (5, "", False, True),
        (1, "connection refused", True, True),
        (1, "wrong password", False, False),
        (-9, "", False, True),  # a clock that was set back
    ],
)
def test_a_table_is_asked_again_after_its_time_or_when_what_failed_may_pass(
    minutes: int, problem: str, momentary: bool, due: bool
) -> None:
    last = TableLook(at=START, problem=problem, momentary=momentary)
    assert last.is_due(START + timedelta(minutes=minutes), timedelta(minutes=5)) == due
