"""Which addresses may be fetched."""

import pytest
from pydantic import ValidationError

from mmsearch_dagster.core.catalog.mapping.remote_media import (
    RemoteMedia,
    full_address,
    is_address,
    is_public,
    refusal,
)

MEDIA = RemoteMedia(hosts=("cdn.example.com", "*.shop.example", "img.example.com:8443", "s3://pictures"))


@pytest.mark.parametrize(
    "address",
    [
        "https://cdn.example.com/a.jpg?v=12",
        "http://CDN.example.com/a.jpg",
        "https://cdn.example.com:443/a.jpg",
        "https://a.b.shop.example/a.jpg",
        "https://img.example.com:8443/a.jpg",
        "s3://pictures/a/b.jpg",
    ],
)
def test_addresses_of_the_named_hosts_may_be_fetched(address: str) -> None:
    assert refusal(address, MEDIA) is None


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("https://example.com/a.jpg", "example.com is not among"),
        ("https://cdn.example.com.evil.example/a.jpg", "is not among"),
        ("https://shop.example/a.jpg", "shop.example is not among"),
        ("https://evilshop.example/a.jpg", "is not among"),
        ("https://cdn.example.com:8443/a.jpg", "cdn.example.com:8443 is not among"),
        ("https://user:word@cdn.example.com/a.jpg", "user or a password"),
        ("https://cdn.example.com@evil.example/a.jpg", "user or a password"),
        ("gs://pictures/a.jpg", "gs://pictures is not among"),
        ("ftp://cdn.example.com/a.jpg", "no address of http"),
        ("https://cdn.example.com:port/a.jpg", "no address"),
        ("https:///a.jpg", "no address of http"),
    ],
)
def test_all_others_are_refused_with_a_reason(address: str, reason: str) -> None:
    assert reason in (refusal(address, MEDIA) or "")


@pytest.mark.parametrize(
    "ip",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),
        *(
            "::1",
            "fe80::1%eth0",
            "fc00::1",
            "::ffff:10.0.0.1",
            "2002:7f00:1::",
            "64:ff9b::a00:1",
            "224.0.0.1",
        ),
    ],
)
def test_addresses_of_this_machine_and_of_private_networks_are_not_public(ip: str) -> None:
    assert not is_public(ip)


@pytest.mark.parametrize("ip", ["93.184.216.34", "2606:4700::6810:84e5", "64:ff9b::5db8:d822"])
def test_addresses_of_the_internet_are_public(ip: str) -> None:
    assert is_public(ip)


def test_an_address_is_told_from_a_file() -> None:
    assert [is_address(uri) for uri in ("//cdn.example.com/a.jpg", "HTTPS://a/b", "s3://b/c")] == [True] * 3
    assert [is_address(uri) for uri in ("images/a.jpg", "/m/b/a.jpg", "file:///etc/passwd")] == [False] * 3
    assert full_address("//cdn.example.com/a.jpg") == "https://cdn.example.com/a.jpg"


@pytest.mark.parametrize("host", ["https://cdn.example.com", "cdn.example.com/images", "*", "a@b"])
def test_a_host_is_a_name_alone(host: str) -> None:
    with pytest.raises(ValidationError):
        RemoteMedia(hosts=(host,))
