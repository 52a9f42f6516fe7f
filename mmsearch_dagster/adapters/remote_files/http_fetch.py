"""One address of http or https: within limits, along allowed hosts only."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpcore
import httpx

from mmsearch_dagster.adapters.remote_files.checked_transport import CheckedTransport, PrivateAddressError
from mmsearch_dagster.adapters.remote_files.fetching import Fetched, FetchError, Validators
from mmsearch_dagster.core.catalog.mapping.remote_media import RemoteMedia, refusal

_MOST_REDIRECTS = 5
_CONNECT_SECONDS = 10.0
_AGENT = "mmsearch (fetches the pictures of a shop for that shop)"
# What is no picture, sound or video, whatever its bytes are.
_OTHER_KINDS = ("text/", "application/json", "application/xml", "application/xhtml", "multipart/")
_TRY_AGAIN = (408, 425, 429)


class HttpFetcher:
    """Fetches over HTTP. Safe to share between threads; close it at the end.

    clock: seconds that only go forward. refused: why an address may not be fetched, None where it may; the
    rules of `media` where it is left out. other_kinds: beginnings of content types that are no
    `wanted`.
    """

    def __init__(
        self,
        media: RemoteMedia,
        *,
        clock: Callable[[], float] = time.monotonic,
        refused: Callable[[str], str | None] | None = None,
        other_kinds: tuple[str, ...] = _OTHER_KINDS,
        wanted: str = "picture or sound",
    ) -> None:
        self._media, self._clock = media, clock
        self._other_kinds, self._wanted = other_kinds, wanted
        self._refused = refused or (lambda address: refusal(address, media))
        transport = CheckedTransport(allow_private=media.allow_private, connections=media.parallel)
        self._client = httpx.Client(
            transport=transport,
            timeout=httpx.Timeout(media.seconds, connect=min(_CONNECT_SECONDS, media.seconds)),
            headers={"User-Agent": _AGENT, "Accept-Encoding": "identity", "Accept": "*/*"},
            trust_env=False,
        )

    def close(self) -> None:
        self._client.close()

    def fetch(self, address: str, held: Validators) -> Fetched:
        """The bytes of an address, or that the held copy is still the same.

        Raises:
            FetchError: with a reason for a person.
        """
        try:
            return self._follow(address, held, self._clock() + self._media.seconds)
        except PrivateAddressError as error:
            raise FetchError(str(error), lasting=True) from error
        except (httpcore.TimeoutException, httpx.TimeoutException) as error:
            reason = f"no answer within {self._media.seconds:g} s"
            raise FetchError(reason, host_down=True) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpx.HTTPError, OSError) as error:
            raise FetchError(f"the host does not answer ({_said(error)})", host_down=True) from error
        except (httpx.InvalidURL, httpcore.UnsupportedProtocol, ValueError) as error:
            raise FetchError(f"it is no address: {_said(error)}", lasting=True) from error

    def _follow(self, address: str, held: Validators, deadline: float) -> Fetched:
        for _ in range(_MOST_REDIRECTS + 1):
            why = self._refused(address)
            if why:
                raise FetchError(why, lasting=True)
            request = self._client.build_request("GET", address, headers=_conditions(held))
            answer = self._client.send(request, stream=True, follow_redirects=False)
            try:
                if answer.next_request is None:
                    return self._read(answer, deadline)
                address = str(answer.next_request.url)
            finally:
                answer.close()
        raise FetchError(f"more than {_MOST_REDIRECTS} redirects", lasting=True)

    def _read(self, answer: httpx.Response, deadline: float) -> Fetched:
        given = Validators(answer.headers.get("etag"), answer.headers.get("last-modified"))
        if answer.status_code == 304:
            return Fetched(None, given)
        _check_status(answer)
        kind = answer.headers.get("content-type", "").lower()
        if kind.startswith(self._other_kinds):
            raise FetchError(f"the host sends {kind.partition(';')[0]}, no {self._wanted}", lasting=True)
        if answer.headers.get("content-encoding", "identity").lower() != "identity":
            raise FetchError("the host compresses what it sends, though asked not to", lasting=True)
        return Fetched(self._limited(answer, deadline), given)

    def _limited(self, answer: httpx.Response, deadline: float) -> bytes:
        """The whole body, if it is small and quick enough."""
        most = self._media.max_bytes
        too_large = FetchError(f"larger than {self._media.max_megabytes:g} MB", lasting=True)
        length = answer.headers.get("content-length", "")
        if length.isdigit() and int(length) > most:
            raise too_large
        body = bytearray()
        for part in answer.iter_raw():
            body += part
            if len(body) > most:
                raise too_large
            if self._clock() > deadline:
                raise FetchError(f"not whole within {self._media.seconds:g} s")
        if length.isdigit() and len(body) < int(length):
            raise FetchError(f"the host sent {len(body):,} of {int(length):,} bytes")
        if not body:
            raise FetchError("the host sent nothing", lasting=True)
        return bytes(body)


def _conditions(held: Validators) -> dict[str, str]:
    conditions = {"If-None-Match": held.etag, "If-Modified-Since": held.modified}
    return {name: value for name, value in conditions.items() if value}


def _check_status(answer: httpx.Response) -> None:
    status = answer.status_code
    if status == 200:
        return
    reason = f"the host says {status} {answer.reason_phrase}".strip()
    again = status in _TRY_AGAIN or status >= 500
    raise FetchError(
        reason,
        lasting=not again,
        host_down=status >= 500,
        retry_after=_seconds(answer.headers.get("retry-after")) if again else None,
    )


def _seconds(retry_after: str | None) -> float | None:
    """Seconds of a Retry-After header, which holds a number or a date."""
    if not retry_after:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
