"""What is said about media that cannot be read."""

from pathlib import Path

import pytest

from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.media.media_limits import MediaLimits, left_out_sentence, parse_media_limits
from tests.shops import REVIEWED


def test_a_few_unreadable_files_are_counted_and_many_are_marked() -> None:
    files = {"audio": 1_000, "video": 2, "image": 40}
    told = left_out_sentence({"audio": 2, "video": 2, "image": 2}, files, MediaLimits())
    assert told == "left out: 2 of 1,000 sounds, 2 of 2 videos (more than 5%), 2 of 40 pictures"


def test_nothing_left_out_is_not_worth_a_line() -> None:
    assert left_out_sentence({"audio": 0, "video": 0, "image": 0}, {"audio": 3}, MediaLimits()) == ""


def test_the_reviewed_file_names_every_limit() -> None:
    file = Path(REVIEWED / "policies" / "media.yaml")
    limits = parse_media_limits(file.read_text(encoding="utf-8"), str(file))
    assert limits.model_fields_set == set(MediaLimits.model_fields)


@pytest.mark.parametrize(
    ("text", "told"), [("vidio: 0.1", "did you mean 'video'"), ("image: 2", "less than or equal to 1")]
)
def test_a_slip_is_told_with_the_file(text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        parse_media_limits(text, "media.yaml")
