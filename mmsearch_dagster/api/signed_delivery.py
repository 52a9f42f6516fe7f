"""A webhook delivery of MLflow's server: does it know the secret, is it of now, does it come once.

The signature is `v1,` and the base64 of HMAC-SHA256 over `DELIVERY_ID.TIMESTAMP.BODY` (MLflow documentation,
Webhooks; its conventions are those of Standard Webhooks). A caught delivery could be sent again: it is
refused when its time is more than five minutes from now, and until then because its id was met.
"""

import hmac
from base64 import b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from threading import Lock

TOLERANCE_SECONDS = 300
_VERSION = "v1"


@dataclass(frozen=True)
class Delivery:
    """One request as it came. timestamp: seconds since 1970, as text."""

    delivery_id: str
    timestamp: str
    signature: str
    body: bytes


def signature_of(delivery_id: str, timestamp: str, body: bytes, secret: str) -> str:
    """The signature that MLflow's server gives a delivery."""
    content = f"{delivery_id}.{timestamp}.".encode() + body
    return f"{_VERSION},{b64encode(hmac.digest(secret.encode(), content, sha256)).decode()}"


def refusal_of(delivery: Delivery, secret: str, now: float) -> str | None:
    """Why a delivery is not believed, None where it is.

    Args:
        delivery: as it came.
        secret: that the server was given.
        now: seconds since 1970.
    """
    if not (delivery.delivery_id and delivery.timestamp and delivery.signature):
        return "the delivery is not signed"
    expected = signature_of(delivery.delivery_id, delivery.timestamp, delivery.body, secret)
    if not hmac.compare_digest(expected.encode(), delivery.signature.encode()):
        return "the signature is not of this secret"
    if not delivery.timestamp.isdigit() or abs(now - int(delivery.timestamp)) > TOLERANCE_SECONDS:
        return f"the delivery is not of the last {TOLERANCE_SECONDS // 60} minutes"
    return None


@dataclass
class Deliveries:
    """Ids of the deliveries that were carried out; safe to share between threads."""

    _met: dict[str, float] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def begin(self, delivery_id: str, now: float) -> bool:
        """Whether it comes for the first time; from now on it does not."""
        with self._lock:
            self._met = {key: when for key, when in self._met.items() if now - when <= 2 * TOLERANCE_SECONDS}
            is_new = delivery_id not in self._met
            self._met.setdefault(delivery_id, now)
        return is_new

    def forget(self, delivery_id: str) -> None:
        """Let it come again: it could not be carried out."""
        with self._lock:
            self._met.pop(delivery_id, None)
