"""`mmsearch serve`: one port, said when it listens."""

import errno
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmsearch_dagster.adapters.host.cores import cores
from mmsearch_dagster.cli.display.progress import console
from mmsearch_dagster.cli.options import released_of, settings_of
from mmsearch_dagster.cli.people import hidden_id
from mmsearch_dagster.core.errors import UserError
from mmsearch_dagster.settings import options_from_environment, settle

if TYPE_CHECKING:
    from mmsearch_dagster.api.review_webhook import ReviewWebhook

# What MLflow's server signs its webhook with.
WEBHOOK_SECRET = "MMSEARCH_WEBHOOK_SECRET"
_SHORTEST_SECRET = 16
_ANY_ADDRESS = ("0.0.0.0", "::", "")
_LISTENING = 2048


def serve(
    home: Path,
    *,
    host: str,
    port: int,
    origins: Sequence[str],
    log_features: bool = False,
    workers: int = 1,
) -> None:
    """Answer over HTTP until Ctrl-C.

    origins: of other sites' pages that may ask. log_features: what the ranker reads is noted in the home.
    workers: processes that answer at this port, each with the release in its own memory.

    Raises UserError where nothing can listen at this address, KeyboardInterrupt at Ctrl-C.
    """
    from mmsearch_dagster.pipeline.home import check_location

    check_location(settings_of(home).home)
    # Here, so that a secret that is easily guessed is the caller's mistake and not that of a process.
    secret = webhook_secret(os.environ)
    threads = None if workers == 1 else max(1, cores() // workers)
    make_app = partial(application, home, secret, tuple(origins), log_features, threads)
    with bound(host, port, "--port") as listener:
        console.print(message(host, listener.getsockname()[1]), highlight=False, markup=False, soft_wrap=True)
        if workers == 1:
            run(make_app(), listener)
        else:
            run_processes(make_app, listener, workers)


def application(
    home: Path, secret: str | None, origins: Sequence[str], log_features: bool, threads: int | None
) -> Any:
    """The API of a home, for one process.

    secret: of `webhook_secret`. threads: that search in it; None: one per core.
    """
    from mmsearch_dagster.adapters.remote_files.media_cache import MediaCache
    from mmsearch_dagster.api.app import create_app
    from mmsearch_dagster.api.people import PeopleAccess

    released = released_of(home, log_features=log_features)
    people = PeopleAccess(released.recommender, lambda user: hidden_id(home, user))
    return create_app(
        released.engine,
        released.release_id,
        people=people,
        warning=released.warning,
        origins=origins,
        remote_copy=MediaCache(settings_of(home).paths.media).file_of,
        webhook=review_webhook(home, secret) if secret else None,
        threads=threads,
    )


def webhook_secret(environment: Mapping[str, str]) -> str | None:
    """The secret of MLflow's server, or None. Raises UserError for one that is easily guessed."""
    secret = environment.get(WEBHOOK_SECRET)
    if not secret:
        return None
    if len(secret) < _SHORTEST_SECRET:
        raise UserError(
            f"{WEBHOOK_SECRET} has {len(secret)} characters: give at least {_SHORTEST_SECRET}, for example "
            "those of `python -c 'import secrets; print(secrets.token_urlsafe(32))'`"
        )
    return secret


def review_webhook(home: Path, secret: str) -> "ReviewWebhook":
    """What a delivery of MLflow's server does in a home. secret: of `webhook_secret`."""
    from mmsearch_dagster.api.review_webhook import ReviewWebhook

    return ReviewWebhook(secret, lambda: _reviewed(home))


def _reviewed(home: Path) -> list[str]:
    """Carries out what reviewers decided, and says what it did."""
    from mmsearch_dagster.pipeline.home import recall
    from mmsearch_dagster.pipeline.release.review import look_at_registry
    from mmsearch_dagster.pipeline.workspace import Workspace

    settings = settle(home.resolve(), options_from_environment(), recall(home))
    look = look_at_registry(Workspace(settings))
    later = "an index of today's catalogue comes first: the sensor `review` or `mmsearch approve` builds it"
    return [*look.messages, *(f"model version {version} was approved, {later}" for version in look.approved)]


def message(host: str, port: int) -> str:
    """What to open."""
    address = f"http://{'127.0.0.1' if host in _ANY_ADDRESS else host}:{port}"
    return (
        f"Search page  {address}/\nAPI          {address}/docs\n"
        "Until a release is open every path answers 503 and says why. Ctrl-C ends it."
    )


def bound(host: str, port: int, option: str) -> socket.socket:
    """A socket that holds this address.

    Raises UserError where it is taken or not this machine's. option: names the port, for the message.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise UserError(_why(host, port, option, error)) from error
    return listener


def _why(host: str, port: int, option: str, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use: stop what listens there, or give another {option}"
    if isinstance(error, (OverflowError, PermissionError)):
        return f"{option} {port} cannot be used ({error}): give one from 1024 to 65535"
    return f"--host {host} cannot be used ({error}): give an address of this machine, such as 127.0.0.1"


def run(app: Any, listener: socket.socket) -> None:
    """Serve an ASGI application until a signal ends it."""
    import uvicorn

    listener.listen(_LISTENING)
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


def run_processes(make_app: "Callable[[], Any]", listener: socket.socket, workers: int) -> None:
    """Serve by several processes until a signal ends it; one that dies is started again. Raises
    KeyboardInterrupt at Ctrl-C, when all have ended.

    The interpreter runs one thread at a time, so that a process answers little more with two cores than
    with one.

    Args:
        make_app: called in each process, so it can be pickled.
        listener: where all of them listen.
        workers: how many.
    """
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    listener.listen(_LISTENING)
    listener.set_inheritable(True)
    config = uvicorn.Config(make_app, factory=True, workers=workers, log_level="warning")  # pyright: ignore[reportArgumentType]
    interrupted: list[bool] = []

    class Supervisor(Multiprocess):
        def handle_int(self) -> None:
            interrupted.append(True)
            super().handle_int()

    Supervisor(config, sockets=[listener]).run()
    if interrupted:
        raise KeyboardInterrupt
