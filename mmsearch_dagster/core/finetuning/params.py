"""How the image encoder is fine-tuned: a record that presets may hold, without torch."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mmsearch_dagster.core.fusion.config import Seed


class FinetuneParams(BaseModel):
    """Recipe of fine-tuning the last stages of an image network on a shop's own photos.

    stages: how many of the network's last stages learn; everything before them stays as it was.
    sizes: pixels a side, one after the other over the epochs: small first, for speed.
    encode_size, encode_crop: how the tuned encoder looks at pictures. Random crops show things larger
        than they are, so that it sees best a quarter above the last training size (FixRes,
        arXiv:1906.06423): encode_size / encode_crop = 1.25 * sizes[-1].
    head_rate: learning rate of the new classifier. smallest_crop: least share of a picture's area.
    mix: share of batches in which pictures are cut into each other (CutMix, arXiv:1905.04899).
    average: decay per step of the weights' running mean, which is what is kept.
    own_pictures: how often per epoch a product's own picture is shown among the photos.
    held_out: share of each product's photos, its last ones, that only measure; 0 trains on all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: Seed = 7
    epochs: int = Field(default=20, ge=1, le=200)
    batch: int = Field(default=32, ge=2, le=1024)
    stages: int = Field(default=3, ge=1)
    sizes: tuple[int, ...] = Field(default=(128, 160, 192, 192), min_length=1)
    encode_size: int = Field(default=224, ge=32, le=1024)
    encode_crop: float = Field(default=0.9375, gt=0, le=1)
    learning_rate: float = Field(default=5e-4, gt=0, le=1)
    head_rate: float = Field(default=5e-3, gt=0, le=1)
    weight_decay: float = Field(default=0.02, ge=0, le=1)
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    smallest_crop: float = Field(default=0.35, gt=0, le=1)
    colour: float = Field(default=0.3, ge=0, le=1)
    mix: float = Field(default=0.2, ge=0, le=1)
    average: float = Field(default=0.99, ge=0, lt=1)
    drop: float = Field(default=0.2, ge=0, lt=1)
    own_pictures: int = Field(default=2, ge=0, le=100)
    held_out: float = Field(default=0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _sizes_in_bounds(self) -> "FinetuneParams":
        if not all(32 <= size <= 1024 for size in self.sizes):
            raise ValueError(f"sizes must lie between 32 and 1024, not {list(self.sizes)}")
        return self

    def size_at(self, epoch: int) -> int:
        """Training size of an epoch, counted from 0.

        >>> [FinetuneParams(epochs=4, sizes=(128, 192)).size_at(epoch) for epoch in range(4)]
        [128, 128, 192, 192]
        """
        return self.sizes[epoch * len(self.sizes) // self.epochs]
