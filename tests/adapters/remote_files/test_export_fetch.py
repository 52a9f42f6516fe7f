"""An export at an address comes by the door of pictures: no private network, no page, no secret shown."""

import pytest

from mmsearch_dagster.adapters.remote_files.export_fetch import fetch_export
from mmsearch_dagster.core.errors import SourceError
from tests.adapters.remote_files.conftest import PICTURE, Misbehaving


def test_a_file_is_fetched_also_after_a_redirect(server: Misbehaving) -> None:
    assert fetch_export(server.address("/a.png"), allow_private=True) == PICTURE
    assert fetch_export(server.address("/moved"), allow_private=True) == PICTURE


def test_a_private_network_is_refused_unless_it_is_allowed(server: Misbehaving) -> None:
    with pytest.raises(SourceError, match=r"no public address\) \(a private network\? --allow-private\)"):
        fetch_export(server.address("/a.png"))
    assert not server.asked


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/page", "sends text/html, no export"),
        ("/gone", "the host says 410"),
        ("/empty", "sent nothing"),
    ],
)
def test_what_is_no_file_is_said(server: Misbehaving, path: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        fetch_export(server.address(path), allow_private=True)


def test_a_key_in_the_address_is_not_shown(server: Misbehaving) -> None:
    with pytest.raises(SourceError, match="410") as error:
        fetch_export(f"{server.address('/gone')}?token=s3cr3t", allow_private=True)
    assert "s3cr3t" not in str(error.value)
    with pytest.raises(SourceError, match="a user or a password") as error:
        fetch_export("https://me:s3cr3t@shop.example/p.csv")
    assert "s3cr3t" not in str(error.value)
