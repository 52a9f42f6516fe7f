"""What a training loop reports, without knowing where it is logged."""

from collections.abc import Mapping
from typing import Any, Protocol

Param = str | int | float | bool | None


class TrainingLog(Protocol):
    """One strategy's training, as it goes."""

    def params(self, values: Mapping[str, Param]) -> None:
        """What the training was set to."""
        ...

    def curve(self, name: str, step: int, value: float) -> None:
        """One point of the curve called `name`."""
        ...

    def figure(self, name: str, image: Any) -> None:
        """A picture worth keeping: PNG bytes, or anything with matplotlib's `savefig`."""
        ...

    def dataset(self, name: str, digest: str, rows: int) -> None:
        """What was trained on."""
        ...


class Quiet:
    """Keeps nothing; the default wherever nobody listens."""

    def params(self, values: Mapping[str, Param]) -> None: ...

    def curve(self, name: str, step: int, value: float) -> None: ...

    def figure(self, name: str, image: Any) -> None: ...

    def dataset(self, name: str, digest: str, rows: int) -> None: ...
