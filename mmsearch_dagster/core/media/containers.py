"""Containers of sound and video, opened from bytes in memory and from nowhere else."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

from mmsearch_dagster.core.errors import UserError

if TYPE_CHECKING:
    from av.container import InputContainer

AUDIO_MEDIA = "sound"
VIDEO = "video"

# FFmpeg would try some hundred formats; among them playlists that open other files and addresses.
_DEMUXERS = {
    AUDIO_MEDIA: ("wav", "flac", "ogg", "mp3", "aac", "aiff", "mov", "matroska", "amr", "caf"),
    VIDEO: ("mov", "matroska", "gif", "avi", "ogg", "mpegts"),
}
_FORMAT_NAMES = {AUDIO_MEDIA: "WAV, FLAC, OGG, MP3, M4A, CAF, AMR", VIDEO: "MP4, WebM, GIF, MOV, AVI"}
_SOUNDS = (b"fLaC", b"ID3", b"\xff\xfb", b"#!AMR", b"caff")
_BEGINNINGS = {
    AUDIO_MEDIA: (b"RIFF", b"OggS", b"\x1aE\xdf\xa3", *_SOUNDS),
    VIDEO: (b"RIFF", b"OggS", b"\x1aE\xdf\xa3", b"GIF8"),
}
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II*\0", b"MM\0*")
# Kinds of the container that MP4, too, is one of.
_PICTURE_BRANDS = (b"heic", b"heix", b"mif1", b"avif")


@contextmanager
def open_media(content: bytes, kind: str, unreadable: type[UserError]) -> Iterator["InputContainer"]:
    """A container of `kind`, SOUND or VIDEO; what a broken file does to FFmpeg is raised as `unreadable`."""
    import av

    if not content:
        raise unreadable("empty file (0 bytes)")
    if _is_picture(content[:2048]):  # FFmpeg would open some of them
        raise unreadable(_a_picture(kind))
    options = {"format_whitelist": ",".join(_DEMUXERS[kind]), "protocol_whitelist": "none"}
    try:
        with av.open(BytesIO(content), "r", options=options, metadata_errors="ignore") as container:
            yield container
    except UserError:
        raise
    except Exception as error:  # demuxers raise whatever a broken file made them trip over
        raise unreadable(_reason(content, kind, error)) from None


def _reason(content: bytes, kind: str, error: Exception) -> str:
    """Why these bytes are no `kind`, in words for a shop's owner."""
    head = content[:2048]
    if head.startswith(b"%PDF"):
        return f"a PDF document, not a {kind}"
    if kind == VIDEO and is_sound(head):
        return "a sound, not a video: name it in audio_uri"
    if _is_text(head):
        return f"a text file, not a {kind}"
    if head[4:8] == b"ftyp" and b"moov" not in content:
        return f"truncated: the {kind} ends before the table of what is in it"
    if head.startswith(_BEGINNINGS[kind]) or head[4:8] == b"ftyp":
        return f"broken {kind} file ({getattr(error, 'strerror', None) or error or type(error).__name__})"
    return f"not a {kind} in a known format ({_FORMAT_NAMES[kind]}): export it as one of these"


def _a_picture(kind: str) -> str:
    return f"a picture, not a {kind}: in a catalogue list it in image_uris, in a query send it as image"


def is_sound(head: bytes) -> bool:
    """Whether a file that begins with these bytes holds sound and nothing else."""
    return head.startswith(_SOUNDS) or (head[:4] == b"RIFF" and head[8:12] == b"WAVE")


def _is_picture(head: bytes) -> bool:
    if head[4:8] == b"ftyp":
        return head[8:12] in _PICTURE_BRANDS
    return head.startswith(_PICTURES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def _is_text(head: bytes) -> bool:
    # A character may be cut at the end of what is looked at.
    for end in range(len(head), max(len(head) - 4, 0), -1):
        try:
            text = head[:end].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return not any(ord(letter) < 9 for letter in text)
    return False
