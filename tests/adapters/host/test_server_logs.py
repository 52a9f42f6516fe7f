"""Logs of servers that write on while they are shortened."""

from pathlib import Path

import pytest

from mmsearch_dagster.adapters.host import server_logs
from mmsearch_dagster.adapters.host.server_logs import shorten_logs


def test_of_a_large_log_the_end_is_kept_and_its_writer_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_logs, "_LARGEST", 100)
    monkeypatch.setattr(server_logs, "_KEPT", 10)
    (tmp_path / "small.log").write_text("short")
    with (tmp_path / "dagster.log").open("ab", buffering=0) as writer:
        writer.write(b"x" * 200 + b"0123456789")
        shorten_logs(tmp_path)
        writer.write(b"after")

    assert (tmp_path / "dagster.log").read_bytes() == b"after"
    assert (tmp_path / "dagster.log.1").read_bytes() == b"0123456789"
    assert (tmp_path / "small.log").read_text() == "short"


def test_there_need_be_none(tmp_path: Path) -> None:
    shorten_logs(tmp_path / "nowhere")
