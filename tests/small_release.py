"""A complete small release on disk: real index, real towers, encoders that a person can follow."""

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image, UnidentifiedImageError

from mmsearch_dagster.adapters.index.index import SearchIndex
from mmsearch_dagster.core.encoders.protocol import Content, EncodedBatch
from mmsearch_dagster.core.fusion.config import FusionSpec
from mmsearch_dagster.core.fusion.model import TwoTower, save_model
from mmsearch_dagster.core.modalities import IMAGE, TEXT, Matrix, ModalityBatch, assemble
from mmsearch_dagster.core.release import EncoderIdentity, ReleaseManifest, RetrievalParams
from mmsearch_dagster.pipeline.features.index_rows import by_product
from tests.catalogue_rows import COLOURS, catalogue

TEXT_WIDTH = 32
IMAGE_WIDTH = 3
RGB = {
    "red": (200, 20, 20),
    "blue": (20, 20, 200),
    "green": (20, 160, 20),
    "black": (9, 9, 9),
    "white": (250,) * 3,
}


def identity(modality: str, width: int, fingerprint: str = "one") -> EncoderIdentity:
    return EncoderIdentity(modality=modality, fingerprint=fingerprint, width=width, spec={})


TEXT_IDENTITY = identity(TEXT, TEXT_WIDTH)
IMAGE_IDENTITY = identity(IMAGE, IMAGE_WIDTH)


def norm_of(content: bytes, most: float) -> float:
    """A length from 1 to `most` that differs from content to content, as those of real encoders do."""
    return most ** (int(hashlib.sha256(content).hexdigest()[:8], 16) / 2**32)


@dataclass
class HashedWords:
    """Each word is one random direction; a text is their sum, `norm_of` times as long. Counts its calls."""

    identity: EncoderIdentity = TEXT_IDENTITY
    calls: int = 0
    longest: float = 1.0

    def encode(self, contents: Sequence[Content]) -> Iterator[EncodedBatch]:
        self.calls += 1
        keys = tuple(content.key for content in contents)
        yield EncodedBatch(keys, np.stack([self.vector(c.read().decode()) for c in contents]))

    def vector(self, text: str) -> Matrix:
        words = text.lower().split()
        seeds = [int(hashlib.sha256(word.encode()).hexdigest()[:8], 16) for word in words]
        rows = [np.random.default_rng(seed).standard_normal(TEXT_WIDTH) for seed in seeds]
        return (np.sum(rows, axis=0) * norm_of(text.encode(), self.longest)).astype(np.float32)


@dataclass
class MeanColour:
    """The mean colour of a picture, around grey, `norm_of` times as long."""

    identity: EncoderIdentity = IMAGE_IDENTITY
    longest: float = 1.0

    def encode(self, contents: Sequence[Content]) -> Iterator[EncodedBatch]:
        vectors: dict[str, Matrix] = {}
        failures: dict[str, str] = {}
        for content in contents:
            try:
                vectors[content.key] = self.vector(content.read())
            except (UnidentifiedImageError, OSError):
                failures[content.key] = "not a picture"
        stacked = np.stack(list(vectors.values())) if vectors else np.zeros((0, IMAGE_WIDTH), np.float32)
        yield EncodedBatch(tuple(vectors), stacked, failures)

    def vector(self, picture: bytes) -> Matrix:
        pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"), dtype=np.float32)
        colour = pixels.reshape(-1, 3).mean(axis=0) / 255 - 0.5
        return (colour * norm_of(picture, self.longest)).astype(np.float32)


def picture(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), RGB[colour]).save(file, "PNG")
    return file.getvalue()


@dataclass(frozen=True)
class SmallRelease:
    manifest: ReleaseManifest
    index_uri: str
    model_dir: Path
    media_root: Path


def make_release(
    home: Path,
    *,
    name: str = "r-one",
    products: int = 40,
    seed: int = 7,
    text_column: bool = False,
    longest: float = 1.0,
    several_pictures: bool = False,
    variants: int = 1,
) -> SmallRelease:
    """Products of `catalogue`; each has a picture in one plain colour, the first of its title.

    text_column: the index keeps the vectors of texts too, as a whole run does. longest: of both encoders.
    several_pictures: every third product has a picture in each of two more colours. variants: so many of
    the products in a row are variants of one.
    """
    media = home / "media"
    rows = catalogue(products)
    if variants > 1:
        rows = rows.with_columns(parent_id=pl.format("g{}", pl.int_range(pl.len()) // variants))
    for row, colour in enumerate(rows["title"].str.split(" ").list.first()):
        path = media / "images" / f"{row}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(colour))
    model = _model(seed)
    weights = save_model(model, home / name)
    uri = str(home / "index")
    encoders = HashedWords(longest=longest), MeanColour(longest=longest)
    kept = (TEXT, IMAGE) if text_column else (IMAGE,)
    views = _views(rows, encoders, several_pictures)
    pin = SearchIndex(uri).publish("shop", name, _with_vectors(rows, model, views, kept))
    manifest = ReleaseManifest(
        release_id=name,
        catalogue="shop",
        model_version=1,
        strategy="weighted",
        weights_sha256=weights,
        encoders=(TEXT_IDENTITY, IMAGE_IDENTITY),
        retrieval=RetrievalParams(
            weights={"words": {"lexical": 1.0}, "words+picture": {"lexical": 0.5}}, depth=50
        ),
        snapshots={},
        index=pin,
    )
    return SmallRelease(manifest, uri, home / name, media)


def _model(seed: int) -> TwoTower:
    """Item and query towers share weights, so that a product's own picture is its nearest query."""
    widths = {TEXT: TEXT_WIDTH, IMAGE: IMAGE_WIDTH}
    spec = FusionSpec(
        strategy="weighted", item_widths=widths, query_widths=widths, width=16, hidden=8, seed=seed
    )
    model = TwoTower(spec)
    model.query_tower.load_state_dict(model.item_tower.state_dict())
    return model


def _views(
    rows: pl.DataFrame, encoders: tuple[HashedWords, MeanColour], several_pictures: bool
) -> ModalityBatch:
    """A row per picture of each product."""
    words, looks = encoders
    ids = rows["product_id"].to_list()
    texts = {i: words.vector(title) for i, title in zip(ids, rows["title"], strict=True)}
    counts = [3 if several_pictures and n % 3 == 0 else 1 for n in range(len(ids))]
    shown = [(n, n + more) for n, count in enumerate(counts) for more in range(count)]
    batch = assemble([ids[n] for n, _ in shown], {TEXT: texts}, {TEXT: TEXT_WIDTH})
    pictures = np.stack([looks.vector(picture(COLOURS[colour % 5])) for _, colour in shown])
    present = np.ones(len(shown), bool)
    return ModalityBatch(batch.ids, {**batch.vectors, IMAGE: pictures}, {**batch.present, IMAGE: present})


def _with_vectors(
    rows: pl.DataFrame, model: TwoTower, views: ModalityBatch, kept: Sequence[str]
) -> pl.DataFrame:
    own = {f"{name}_vector": views.vectors[name] for name in kept}
    vectors = pl.DataFrame({"product_id": list(views.ids), "vector": model.items(views), **own})
    return rows.drop("image_vector", "vector").join(
        by_product(vectors), on="product_id", maintain_order="left"
    )
