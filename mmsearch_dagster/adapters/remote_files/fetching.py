"""What a download gives: bytes, `unchanged`, or an error and whether to try again."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Validators:
    """What a host gave to ask again by. etag: as sent; modified: the Last-Modified header, as sent."""

    etag: str | None = None
    modified: str | None = None


@dataclass(frozen=True)
class Fetched:
    """The bytes of an address; None where the host says that the copy we hold is still the same."""

    content: bytes | None
    validators: Validators


class FetchError(Exception):
    """An address gave nothing.

    lasting: asking again soon is of no use. host_down: the host itself does not answer. retry_after: seconds
    that the host asks to be left alone for.
    """

    def __init__(
        self,
        reason: str,
        *,
        lasting: bool = False,
        host_down: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.lasting, self.host_down, self.retry_after = lasting, host_down, retry_after
