"""The files of a served shop; light to import, for every client process reads them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mmsearch_dagster.core.encoders.protocol import Encoder, EncoderSpec
    from mmsearch_dagster.core.release import ReleaseManifest
    from mmsearch_dagster.serving.engine import Engine


@dataclass(frozen=True)
class BenchShop:
    """Files in one folder, read by processes of their own."""

    folder: Path
    cache: Path

    @property
    def manifest(self) -> "ReleaseManifest":
        """Of the release."""
        from mmsearch_dagster.core.release import ReleaseManifest

        return ReleaseManifest.model_validate_json((self.folder / "manifest.json").read_text())

    def encoder(self, modality: str) -> "Encoder":
        """What both services encode queries with, here in ONNX Runtime."""
        from mmsearch_dagster.adapters.models.load import load_encoder

        return load_encoder(self.spec(modality), self.cache)

    def spec(self, modality: str) -> "EncoderSpec":
        """The embedded encoder of a modality."""
        from mmsearch_dagster.core.encoders.protocol import EncoderSpec

        fields = json.loads((self.folder / "encoders.json").read_text())[modality]
        return EncoderSpec.model_validate(fields)

    def engine(self) -> "Engine":
        """The release, opened."""
        from mmsearch_dagster.core.modality_names import IMAGE, TEXT
        from mmsearch_dagster.serving.engine import Engine

        encoders = {modality: self.encoder(modality) for modality in (TEXT, IMAGE)}
        return Engine.open(self.manifest, str(self.folder / "index"), self.folder / "model", encoders)

    def vectors(self, modality: str) -> NDArray[np.float32]:
        """Unit vectors of all products, float32 [n, d]."""
        return np.load(self.folder / f"{modality}.npy")

    def payload(self) -> list[dict[str, Any]]:
        """What a plain service answers of each product, in the order of the vectors."""
        return json.loads((self.folder / "payload.json").read_text())

    def words(self) -> list[str]:
        """Queries as people type them."""
        return json.loads((self.folder / "words.json").read_text())

    def photos(self) -> list[bytes]:
        """Photos as people take them."""
        return [path.read_bytes() for path in sorted((self.folder / "photos").glob("*.jpg"))]
