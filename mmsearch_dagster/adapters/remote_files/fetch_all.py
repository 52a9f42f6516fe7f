"""Fetches many addresses: several at a time, few from one host, each content once."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Literal

from mmsearch_dagster.adapters.remote_files.fetching import Fetched, FetchError, Validators
from mmsearch_dagster.adapters.remote_files.hosts import Host, Hosts
from mmsearch_dagster.adapters.remote_files.http_fetch import HttpFetcher
from mmsearch_dagster.adapters.remote_files.media_cache import Copy, MediaCache
from mmsearch_dagster.adapters.remote_files.object_fetch import fetch_object
from mmsearch_dagster.core.catalog.mapping.remote_media import WEB, RemoteMedia, host_of, refusal
from mmsearch_dagster.core.progress import Progress

STAGE = "remote_media"
State = Literal["fetched", "unchanged", "not asked", "kept", "missing"]
_TRIES = 3
_FIRST_WAIT = 0.5
# A host that asks for more is not waited for: the next run comes back to it.
_LONGEST_WAIT = 30.0
_STORED_TOGETHER = 200


@dataclass(frozen=True)
class Clock:
    """Time as a run sees it. now: seconds since 1970; steady: seconds that only go forward."""

    now: Callable[[], float] = time.time
    steady: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Outcome:
    """What became of one address.

    state: `fetched` now; `unchanged` by its host's word; `not asked` because the copy is fresh; `kept`: the
    host gave nothing and an earlier copy is used; `missing`: there is none. reason: of the last two.
    """

    address: str
    state: State
    reason: str | None
    sha256: str | None


def fetch_all(
    addresses: Sequence[str],
    media: RemoteMedia,
    cache: MediaCache,
    progress: Progress,
    *,
    clock: Clock = Clock(),
) -> list[Outcome]:
    """Brings the copies of all addresses up to date.

    Args:
        addresses: of http, https, s3 and gs; repeated ones are asked once.
        media: what may be fetched, and the limits.
        cache: copies of before, and where new ones go; filled while the run goes on.
        progress: hears of each address.
        clock: the time.

    Returns:
        One outcome per distinct address, in their order.
    """
    known, distinct = cache.copies(), list(dict.fromkeys(addresses))
    copies = {address: known.get(address, Copy(address)) for address in distinct}
    due = [address for address in distinct if _is_due(copies[address], media, clock.now())]
    outcomes = {address: _not_asked(copies[address], media) for address in distinct}
    progress.start(STAGE, len(due))
    pending: list[Copy] = []
    with _Run(media, cache, clock) as run, ThreadPoolExecutor(media.parallel) as pool:
        futures = [pool.submit(run.ask, copies[address]) for address in due]
        try:
            for future in as_completed(futures):
                copy, outcome = future.result()
                outcomes[copy.address] = outcome
                pending.append(copy)
                progress.advance(STAGE, 1)
                if len(pending) >= _STORED_TOGETHER:
                    cache.remember(pending)
                    pending.clear()
        finally:
            for future in futures:
                future.cancel()
            cache.remember(pending)
    fetched = sum(outcome.state == "fetched" for outcome in outcomes.values())
    progress.finish(STAGE, f"{len(due):,} asked for, {fetched:,} fetched, {len(distinct):,} in all")
    return list(outcomes.values())


def _is_due(copy: Copy, media: RemoteMedia, now: float) -> bool:
    """Whether the host is asked. What source.yaml refuses never is, and costs nothing."""
    return refusal(copy.address, media) is None and now - copy.checked >= media.recheck_hours * 3600


def _not_asked(copy: Copy, media: RemoteMedia) -> Outcome:
    why = refusal(copy.address, media)
    if why:  # a copy of a host that is no longer allowed is not used
        return Outcome(copy.address, "missing", why, None)
    if copy.problem:
        return Outcome(copy.address, "kept" if copy.sha256 else "missing", copy.problem, copy.sha256)
    return Outcome(copy.address, "not asked", None, copy.sha256)


class _Run:
    """What the threads of one run share."""

    def __init__(self, media: RemoteMedia, cache: MediaCache, clock: Clock) -> None:
        self._media, self._cache, self._clock = media, cache, clock
        self._hosts = Hosts(media.per_host)
        self._http = HttpFetcher(media, clock=clock.steady)

    def __enter__(self) -> "_Run":
        return self

    def __exit__(self, *error: object) -> None:
        self._http.close()

    def ask(self, copy: Copy) -> tuple[Copy, Outcome]:
        """What is known of an address after asking its host, and what came of it."""
        host = self._hosts.of(host_of(copy.address))
        try:
            with host.one_request():
                fetched = self._patiently(copy, host)
        except FetchError as error:
            return self._failed(copy, error)
        now = self._clock.now()
        if fetched.content is None:
            kept = replace(copy, checked=now, problem=None)
            return kept, Outcome(copy.address, "unchanged", None, copy.sha256)
        sha256 = self._cache.keep(fetched.content)
        given = fetched.validators
        new = Copy(copy.address, sha256, given.etag, given.modified, checked=now)
        return new, Outcome(copy.address, "fetched", None, sha256)

    def _failed(self, copy: Copy, error: FetchError) -> tuple[Copy, Outcome]:
        checked = self._clock.now() if error.lasting else 0.0
        state: State = "kept" if copy.sha256 else "missing"
        after = replace(copy, checked=checked, problem=str(error))
        return after, Outcome(copy.address, state, str(error), copy.sha256)

    def _patiently(self, copy: Copy, host: Host) -> Fetched:
        """Tries again where a failure may be over in a moment. Raises FetchError after the last try."""
        for attempt in range(1, _TRIES + 1):
            self._wait_for(host)
            try:
                fetched = self._fetch(copy)
            except FetchError as error:
                wait = self._wait_after(error, attempt)
                if error.lasting or not error.host_down:
                    host.answered()
                if wait is None:
                    if error.host_down:
                        host.failed(str(error))
                    raise
                if error.retry_after is not None:
                    host.leave_alone(self._clock.steady() + wait)
                else:
                    self._clock.sleep(wait)
            else:
                host.answered()
                return fetched
        raise AssertionError("the last try returns or raises")

    def _wait_for(self, host: Host) -> None:
        remaining = host.not_before - self._clock.steady()
        if remaining > 0:
            self._clock.sleep(remaining)

    def _wait_after(self, error: FetchError, attempt: int) -> float | None:
        """Seconds until the next try; None where there is none."""
        if error.lasting or attempt == _TRIES:
            return None
        wait = error.retry_after if error.retry_after is not None else _FIRST_WAIT * 2 ** (attempt - 1)
        return wait if wait <= _LONGEST_WAIT else None

    def _fetch(self, copy: Copy) -> Fetched:
        held = Validators(copy.etag, copy.modified) if copy.sha256 and self._is_here(copy) else Validators()
        if copy.address.partition("://")[0].lower() in WEB:
            return self._http.fetch(copy.address, held)
        return fetch_object(copy.address, held, self._media)

    def _is_here(self, copy: Copy) -> bool:
        return copy.sha256 is not None and self._cache.path(copy.sha256).is_file()
