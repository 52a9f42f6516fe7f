"""Which errors a second try may cure, and what the message of a damaged release says."""

import errno
import sqlite3
from pathlib import Path

import pytest

from mmsearch_dagster.core.errors import GateRefusedError, SourceError, damaged_release, may_pass


def raised(error: Exception, cause: Exception) -> Exception:
    try:
        raise error from cause
    except Exception as caught:
        return caught


@pytest.mark.parametrize(
    "error",
    [ConnectionRefusedError(), TimeoutError(), OSError(errno.EBUSY, "busy"), OSError(errno.ESTALE, "stale")],
)
def test_what_another_process_or_the_network_caused_may_pass(error: Exception) -> None:
    assert may_pass(error)
    assert may_pass(raised(RuntimeError("of a library"), error))
    assert may_pass(raised(SourceError("a sentence about it"), error))


@pytest.mark.parametrize(
    "error",
    [
        SourceError("products.csv: no column"),
        GateRefusedError("refused"),
        FileNotFoundError(errno.ENOENT, "gone"),
        OSError(errno.ENOSPC, "full"),
        ValueError(),
        MemoryError(),
    ],
)
def test_what_a_person_has_to_mend_does_not(error: Exception) -> None:
    assert not may_pass(error)
    assert not may_pass(raised(SourceError("a sentence about it"), error))


def test_our_own_sentence_is_believed_beside_an_error_that_it_was_not_raised_from() -> None:
    ours = SourceError("the mapping names no such host")
    ours.__context__ = TimeoutError()
    assert not may_pass(ours)


def test_a_locked_database_is_waited_for_and_a_broken_one_is_not(tmp_path: Path) -> None:
    file = tmp_path / "db"
    holder, other = sqlite3.connect(file), sqlite3.connect(file, timeout=0)
    holder.execute("create table t (x)")
    holder.execute("begin exclusive")
    with pytest.raises(sqlite3.OperationalError) as locked:
        other.execute("insert into t values (1)")
    with pytest.raises(sqlite3.OperationalError) as broken:
        holder.execute("select nothing from nowhere")
    assert may_pass(locked.value)
    assert not may_pass(broken.value)
    holder.close()
    other.close()


def test_files_of_a_release_that_do_not_read_are_one_line_with_what_to_do() -> None:
    error = damaged_release("the model in /home/x cannot be loaded: 1 validation error\n  Invalid JSON: EOF")
    assert str(error) == (
        "the model in /home/x cannot be loaded: 1 validation error Invalid JSON: EOF; put the files back "
        "from a copy, or let another release answer: `mmsearch releases`, then `mmsearch rollback ID`"
    )
