"""How the text encoder is fine-tuned: a record that presets may hold, without torch."""

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mmsearch_dagster.core.fusion.config import Seed


class TextFinetuneParams(BaseModel):
    """Recipe of fine-tuning the last layers of a text network on a shop's judged and logged queries.

    layers: how many of the network's last layers learn; what is below stays, and is computed once per text.
    batch: queries per step; the products of the others are each query's negatives.
    negatives: per query and step, products that look alike to the frozen encoder and are not judged relevant.
    positives: how often per epoch a query is used at most, each time with one of its products.
    temperature: cosines are divided by it before the softmax.
    max_tokens: of longer texts the begin is used in training.
    held_out: share of the queries that only measure. They stop the training, after `patience` epochs without
        a gain, and choose how far the weights move.
    shares: of the way from the frozen to the tuned weights, those that are tried (WiSE-FT, arXiv:2109.01903).
    fewest: queries with words that it needs. most: queries that it uses at most.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: Seed = 7
    epochs: int = Field(default=4, ge=1, le=100)
    batch: int = Field(default=32, ge=2, le=1024)
    layers: int = Field(default=2, ge=1)
    learning_rate: float = Field(default=5e-5, gt=0, le=1)
    weight_decay: float = Field(default=0.01, ge=0, le=1)
    temperature: float = Field(default=0.05, gt=0, le=10)
    negatives: int = Field(default=1, ge=0, le=100)
    positives: int = Field(default=4, ge=1, le=1000)
    max_tokens: int = Field(default=64, ge=3, le=32_768)
    held_out: float = Field(default=0.2, gt=0, le=0.5)
    patience: int = Field(default=1, ge=1)
    shares: tuple[float, ...] = Field(default=(0.5, 1.0), min_length=1)
    fewest: int = Field(default=40, ge=4)
    most: int = Field(default=3000, ge=4)

    @field_validator("shares")
    @classmethod
    def _shares_in_bounds(cls, shares: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0 < share <= 1 for share in shares):
            raise ValueError(f"shares must lie above 0 and at most at 1, not {list(shares)}")
        return shares
