"""Who may write a home at the same time."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Event

import pytest

from mmsearch_dagster.adapters.host.run_lock import alone, locked_step
from mmsearch_dagster.core.errors import ConfigError, UserError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "home" / "run.lock"


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def never() -> None:
    raise AssertionError("nobody is to wait here")


def test_one_refresh_at_a_time(file: Path) -> None:
    with (
        alone(file),
        pytest.raises(UserError, match="another run is at work"),
        alone(file),
    ):
        pass

    with alone(file):
        pass


def test_steps_stand_beside_each_other_and_keep_a_refresh_out(file: Path) -> None:
    with (
        locked_step(file, never),
        locked_step(file, never),
        pytest.raises(UserError, match="at work"),
        alone(file),
    ):
        pass


def test_a_refresh_waits_for_a_step_that_takes_seconds_and_says_so(
    file: Path, executor: ThreadPoolExecutor
) -> None:
    begun, told = Event(), Event()

    def step() -> None:
        with locked_step(file, never):
            begun.set()
            assert told.wait(30)

    future = executor.submit(step)
    assert begun.wait(30)
    with alone(file, told.set):
        future.result(30)


def test_its_patience_ends(file: Path) -> None:
    told: list[str] = []

    with (
        locked_step(file, never),
        pytest.raises(UserError, match="another run is at work"),
        alone(file, lambda: told.append("waiting"), patience=0.2),
    ):
        pass

    assert told == ["waiting"]


def test_no_refresh_waits_for_another(file: Path) -> None:
    with alone(file), pytest.raises(UserError, match="another run is at work"), alone(file, never):
        pass


def test_a_step_waits_for_the_refresh_to_end_and_says_so(file: Path, executor: ThreadPoolExecutor) -> None:
    waits, order = Event(), []

    def step() -> None:
        with locked_step(file, waits.set):
            order.append("step")

    with alone(file):
        future = executor.submit(step)
        assert waits.wait(30)
        order.append("refresh")
    future.result(30)

    assert order == ["refresh", "step"]


def test_a_refresh_that_fails_leaves_the_home_free(file: Path) -> None:
    with pytest.raises(ZeroDivisionError), alone(file):
        _ = 1 / 0

    with alone(file):
        pass


def hold(file: Path, held: Connection) -> None:
    with alone(file):
        held.send(None)
        Event().wait()


def test_the_lock_dies_with_its_process(file: Path) -> None:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=hold, args=(file, there))
    process.start()
    here.recv()
    with pytest.raises(UserError), alone(file):
        pass

    process.kill()
    process.join()

    with alone(file):
        pass


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with (
        pytest.raises(ConfigError, match="there is a file in its place"),
        alone(tmp_path / "file" / "run.lock"),
    ):
        pass
