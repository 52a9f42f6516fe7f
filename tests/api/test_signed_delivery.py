"""Whose a webhook delivery is."""

from dataclasses import replace

import pytest

from mmsearch_dagster.api.signed_delivery import (
    Deliveries,
    Delivery,
    refusal_of,
    signature_of,
)

SECRET, NOW = "a secret of sixteen", 1_800_000_000.0
GOOD = Delivery(
    "d-1", "1800000000", signature_of("d-1", "1800000000", b'{"entity":"model_version_tag"}', SECRET),
    b'{"entity":"model_version_tag"}',
)  # fmt: skip


def test_the_signature_is_the_one_of_mlflows_documentation() -> None:
    """echo -n 'id.1800000000.{}' | openssl dgst -sha256 -hmac key -binary | base64"""
    assert signature_of("id", "1800000000", b"{}", "key") == "v1,Pi3FJFmP6SfvlQ+tBmGE+D/rXSlabTl6QluT4gHbLp8="


def test_a_delivery_of_this_secret_and_minute_is_believed() -> None:
    assert refusal_of(GOOD, SECRET, NOW + 299) is None


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (replace(GOOD, body=b"{}"), "the signature is not of this secret"),
        (replace(GOOD, delivery_id="d-2"), "the signature is not of this secret"),
        (replace(GOOD, timestamp="1800000100"), "the signature is not of this secret"),
        (replace(GOOD, signature="v1,é"), "the signature is not of this secret"),
        (replace(GOOD, signature=""), "the delivery is not signed"),
    ],
)
def test_whatever_was_changed_on_the_way_is_refused(changed: Delivery, why: str) -> None:
    assert refusal_of(changed, SECRET, NOW) == why


def test_another_secret_is_refused() -> None:
    assert refusal_of(GOOD, "another", NOW) == "the signature is not of this secret"


@pytest.mark.parametrize("now", [NOW + 301, NOW - 301])
def test_an_old_delivery_or_one_of_the_future_is_refused(now: float) -> None:
    assert refusal_of(GOOD, SECRET, now) == "the delivery is not of the last 5 minutes"


def test_a_signed_time_that_is_none_is_refused() -> None:
    odd = Delivery("d", "soon", signature_of("d", "soon", b"", SECRET), b"")
    assert refusal_of(odd, SECRET, NOW) == "the delivery is not of the last 5 minutes"


def test_a_delivery_counts_once_unless_it_could_not_be_carried_out() -> None:
    deliveries = Deliveries()
    assert [deliveries.begin("a", NOW), deliveries.begin("a", NOW + 1)] == [True, False]
    deliveries.forget("a")
    assert deliveries.begin("a", NOW + 2)
    assert deliveries.begin("b", NOW + 10_000)
    assert len(deliveries._met) == 1, "what can come no more is forgotten"
