import unicodedata

import pytest

from mmsearch_dagster.core.media.file_names import spellings

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "images/café.jpg") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    ("uri", "on_the_disk"),
    [
        ("a.jpg", "a.jpg"),
        (DECOMPOSED, DECOMPOSED),
        (DECOMPOSED, COMPOSED),
        (COMPOSED, DECOMPOSED),
        ("images\\a.jpg", "images/a.jpg"),
        ("my%20photo.jpg", "my photo.jpg"),
        ("caf%C3%A9.jpg", "café.jpg"),
        ("50%.jpg", "50%.jpg"),
    ],
)
def test_a_name_is_tried_as_systems_write_it(uri: str, on_the_disk: str) -> None:
    names = spellings(uri)
    assert names[0] == uri
    assert on_the_disk in names


@pytest.mark.parametrize(
    "uri", ["../a.jpg", "/etc/passwd", "https://x.org/a.jpg", "C:\\a.jpg", "a/../../b", "..\\a"]
)
def test_what_lies_elsewhere_has_no_spelling(uri: str) -> None:
    assert spellings(uri) == []


def test_an_encoded_way_up_is_not_decoded() -> None:
    assert spellings("%2e%2e/a.jpg") == ["%2e%2e/a.jpg"]
