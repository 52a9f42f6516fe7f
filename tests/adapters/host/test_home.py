"""What a disk does to a home is the caller's to mend, and says so."""

import errno
import sqlite3
from pathlib import Path

import pytest

from mmsearch_dagster.adapters.host import home as host
from mmsearch_dagster.adapters.host.home import enough_space, writing
from mmsearch_dagster.core.errors import ConfigError, GateRefusedError, MmsearchError

FULL = OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_named_and_not_called_a_matter_of_rights(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match=r"is full \(.* MiB are free\): make room") as caught,
        writing(tmp_path),
    ):
        raise FULL
    assert caught.value.exit_code == 2


def test_what_a_full_disk_does_to_a_library_is_named_too(tmp_path: Path) -> None:
    error = RuntimeError("cannot write the table")
    error.__cause__ = FULL
    with pytest.raises(ConfigError, match="is full"), enough_space(tmp_path / "not there yet"):
        raise error


def test_a_database_that_says_nothing_of_space_is_asked_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "free_bytes", lambda folder: 1_500_000)
    for error in (sqlite3.OperationalError("disk I/O error"), MmsearchError("step release failed: disk I/O")):
        with pytest.raises(ConfigError, match=r"is full \(1\.4 MiB are free\)"), enough_space(tmp_path):
            raise error


def test_other_errors_stay_what_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(sqlite3.OperationalError), enough_space(tmp_path):
        raise sqlite3.OperationalError("no such table")
    monkeypatch.setattr(host, "free_bytes", lambda folder: 0)
    with pytest.raises(GateRefusedError), enough_space(tmp_path):
        raise GateRefusedError("refused")
    with pytest.raises(KeyboardInterrupt), enough_space(tmp_path):
        raise KeyboardInterrupt
