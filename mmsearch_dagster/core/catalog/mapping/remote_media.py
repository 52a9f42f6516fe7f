"""Media that lie at addresses: which ones may be fetched, and within which limits. `media` of source.yaml."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

WEB = ("http", "https")
OBJECT_STORES = ("s3", "gs")
_PORTS = {"http": 80, "https": 443}
# Addresses in this network carry an IPv4 address in their last four bytes.
_NAT64 = IPv6Network("64:ff9b::/96")


def _check_host(host: str) -> str:
    """`cdn.example.com`, `*.example.com`, `cdn.example.com:8443`, `s3://bucket`."""
    name = host.strip().lower()
    scheme, separator, bucket = name.rpartition("://")
    if separator and scheme not in OBJECT_STORES:
        raise ValueError(f"'{host}': give the host alone, like cdn.example.com, or s3://bucket")
    if not bucket or "/" in bucket or "@" in bucket or bucket in ("*", "*."):
        raise ValueError(f"'{host}' is no host; write cdn.example.com, *.example.com or s3://bucket")
    return name


class RemoteMedia(BaseModel):
    """What may be fetched, and how.

    hosts: those that media may come from: `cdn.example.com`, `*.example.com` for every host below it, with
        `:port` where it is not the usual one, `s3://bucket`, `gs://bucket`.
    allow_private: also addresses of this machine and of private networks.
    max_megabytes, seconds: limits of one file.
    parallel, per_host: files at a time, altogether and from one host.
    recheck_hours: how old a copy may be before its host is asked whether it changed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    hosts: tuple[Annotated[str, AfterValidator(_check_host)], ...] = ()
    allow_private: bool = False
    max_megabytes: float = Field(default=25.0, gt=0, le=1000)
    seconds: float = Field(default=30.0, gt=0, le=3600)
    parallel: int = Field(default=16, ge=1, le=64)
    per_host: int = Field(default=4, ge=1, le=64)
    recheck_hours: float = Field(default=24.0, ge=0)

    @property
    def max_bytes(self) -> int:
        return int(self.max_megabytes * 1_000_000)


def is_address(uri: str) -> bool:
    """Whether a media uri is to be fetched: http, https, s3, gs, or `//host/...` as pages write it."""
    if uri.startswith("//"):
        return True
    scheme, separator, _ = uri.partition("://")
    return bool(separator) and scheme.lower() in (*WEB, *OBJECT_STORES)


def full_address(uri: str) -> str:
    """The address that a uri means; `//host/...` is https."""
    return f"https:{uri}" if uri.startswith("//") else uri


def refusal(address: str, media: RemoteMedia) -> str | None:
    """Why an address may not be fetched by the rules of source.yaml; None where it may."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return "it is no address"
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if scheme not in (*WEB, *OBJECT_STORES) or not host:
        return "it is no address of http, https, s3 or gs"
    if parts.username is not None or parts.password is not None:
        return "it holds a user or a password: addresses are stored and shown"
    name = host if scheme in WEB else f"{scheme}://{host}"
    if port is not None and port != _PORTS.get(scheme):
        name = f"{name}:{port}"
    if any(_matches(name, pattern) for pattern in media.hosts):
        return None
    return f"{name} is not among media.hosts in source.yaml"


def host_of(address: str) -> str:
    """Scheme, host and port: what is asked one after the other."""
    parts: SplitResult = urlsplit(address)
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}"


def _matches(name: str, pattern: str) -> bool:
    return name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern


def is_public(address: str) -> bool:
    """Whether an IP address lies in the open internet: not here, not in a private or reserved network."""
    ip = ip_address(address.partition("%")[0])
    return all(part.is_global and not part.is_multicast for part in (ip, *_inside(ip)))


def _inside(ip: IPv4Address | IPv6Address) -> list[IPv4Address]:
    """IPv4 addresses that an IPv6 address leads to."""
    if isinstance(ip, IPv4Address):
        return []
    teredo = ip.teredo or ()
    inside = [ip.ipv4_mapped, ip.sixtofour, *teredo]
    if ip in _NAT64:
        inside.append(IPv4Address(int(ip) & 0xFFFFFFFF))
    return [part for part in inside if part is not None]
