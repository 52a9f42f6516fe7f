from pathlib import Path

import pytest

from mmsearch_dagster.cli.campaign_file import read_campaign
from mmsearch_dagster.core.errors import QueryError


def test_a_campaign_has_words_and_a_picture_beside_its_file(tmp_path: Path) -> None:
    (tmp_path / "poster.png").write_bytes(b"pixels")
    file = tmp_path / "campaign.yaml"
    file.write_text("text: 春季红鞋\npicture: poster.png\n", encoding="utf-8")
    query = read_campaign(file)
    assert (query.text, query.image) == ("春季红鞋", b"pixels")
    file.write_text('{"text": "red"}', encoding="utf-8")
    assert read_campaign(file).text == "red"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "needs `text` and/or `picture`"),
        (b"[1]", "needs `text` and/or `picture`"),
        (b"txt: red", "unknown key 'txt', did you mean 'text'"),
        (b"text: [1]", "are texts"),
        (b"picture: gone.png", "its picture gone.png cannot be read"),
        (b"a: b: c", "not readable as YAML"),
        (b"text: red\ntext: blue", "line 2: key 'text' stands twice"),
        (b"\xff\xfe\x00", "is not UTF-8"),
        (b"x" * 1_000_001, "larger than 1 MB"),
    ],
)
def test_a_broken_campaign_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "campaign.yaml"
    file.write_bytes(content)
    with pytest.raises(QueryError, match=message):
        read_campaign(file)


def test_a_campaign_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=r"gone.yaml cannot be read: No such file"):
        read_campaign(tmp_path / "gone.yaml")
