"""Which share of a shop's media may be unreadable: assets/policies/media.yaml as a record."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field

from mmsearch_dagster.core.config_file import parse_reviewed
from mmsearch_dagster.core.modalities import AUDIO, IMAGE, VIDEO

# Modality -> what a person calls its files.
FILES = {AUDIO: "sounds", VIDEO: "videos", IMAGE: "pictures"}


class MediaLimits(BaseModel):
    """Above a share (0 to 1) of unreadable files of one kind a check warns; nothing here stops a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: float = Field(default=0.05, ge=0, le=1)
    audio: float = Field(default=0.05, ge=0, le=1)
    video: float = Field(default=0.05, ge=0, le=1)

    def of(self, modality: str) -> float:
        """The limit of AUDIO, IMAGE or VIDEO."""
        return {AUDIO: self.audio, IMAGE: self.image, VIDEO: self.video}[modality]

    def kept(self, modality: str, broken: int, files: int) -> bool:
        """Whether so many unreadable files of so many are within the limit."""
        return broken <= self.of(modality) * files


def parse_media_limits(text: str, where: str) -> MediaLimits:
    """The limits in a YAML text. Raises ConfigError naming `where`."""
    return parse_reviewed(MediaLimits, text, where, what="media limits")


def left_out_sentence(left_out: Mapping[str, int], files: Mapping[str, int], limits: MediaLimits) -> str:
    """A sentence about unreadable files; "" where there are none.

    Args:
        left_out: modality -> number of unreadable files.
        files: modality -> number of all files.
        limits: the shares that are allowed; a higher share is pointed out.

    >>> left_out_sentence({"audio": 2, "video": 1, "image": 0}, {"audio": 90, "video": 1}, MediaLimits())
    'left out: 2 of 90 sounds, 1 of 1 videos (more than 5%)'
    """
    parts = []
    for modality, name in FILES.items():
        if count := left_out.get(modality, 0):
            kept = limits.kept(modality, count, files[modality])
            above = "" if kept else f" (more than {100 * limits.of(modality):.3g}%)"
            parts.append(f"{count:,} of {files[modality]:,} {name}{above}")
    return f"left out: {', '.join(parts)}" if parts else ""
