"""A configured encoder and its files, found once: what describes, loads and tunes it reads this record."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mmsearch_dagster.adapters.models.audio import sound_weights
from mmsearch_dagster.adapters.models.describe import resolve, width_of
from mmsearch_dagster.adapters.models.file_digests import FileDigests
from mmsearch_dagster.adapters.models.locate import locate, weights_sha256
from mmsearch_dagster.core.digest import digest_of
from mmsearch_dagster.core.encoders.protocol import EncoderSpec
from mmsearch_dagster.core.media.images import FRAMING_RULE
from mmsearch_dagster.core.media.video import CHOICE_OF_FRAMES
from mmsearch_dagster.core.modalities import AUDIO, IMAGE, VIDEO
from mmsearch_dagster.core.release import EncoderIdentity

# Of an identity's spec: what names the weights, beside what loads the encoder again.
WEIGHTS = "weights_sha256"
# What else decides the vectors: rules of ours that no setting names.
_RULES = {
    IMAGE: {"framing": FRAMING_RULE},
    VIDEO: {"framing": FRAMING_RULE, "frames": CHOICE_OF_FRAMES},
}


@dataclass(frozen=True)
class EncoderFiles:
    """spec: what the configuration leaves open comes from the files. path: the model's folder or file.
    digests: of files that were read before."""

    spec: EncoderSpec
    path: Path
    digests: FileDigests

    @classmethod
    def of(cls, configured: EncoderSpec, cache_dir: Path | None = None) -> "EncoderFiles":
        """Find the files; no network is loaded. cache_dir: keeps the digests of large files.

        Raises:
            ConfigError: where they are missing or contradict the configuration.
        """
        path = locate(configured)
        return cls(resolve(configured, path), path, FileDigests(cache_dir))

    @cached_property
    def weights(self) -> str:
        """sha256 of all in the files that decides the vectors."""
        if self.spec.modality == AUDIO:
            return sound_weights(self.spec, self.path, self.digests)
        return weights_sha256(self.path, self.digests)

    @cached_property
    def width(self) -> int:
        """Numbers per vector. Raises ConfigError where the files do not say."""
        return width_of(self.spec, self.path)

    def identity(self, width: int | None = None) -> EncoderIdentity:
        """The encoder's name in a release.

        The fingerprint covers library, model, weights, preprocessing and width; not the runtime, whose
        vectors agree to a cosine above 0.999. width: as it was measured before; the same weights have the
        same, and of a timm model that is not the embedded one torch measures it.
        """
        spec, folder = self.spec, Path(self.spec.model)
        width = self.width if width is None else width
        fingerprint = digest_of(
            {
                "library": spec.library,
                "model": folder.name if folder.is_dir() else spec.model,
                "weights": self.weights,
                "preprocessing": spec.preprocessing(),
                "width": width,
                **_RULES.get(spec.modality, {}),
            }
        )
        names = {"modality": spec.modality, "library": spec.library, "model": spec.model}
        stored = {**names, **spec.preprocessing(), WEIGHTS: self.weights}
        return EncoderIdentity(modality=spec.modality, fingerprint=fingerprint, width=width, spec=stored)
