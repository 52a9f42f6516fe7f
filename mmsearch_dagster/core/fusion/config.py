"""What describes a fusion model and its training, apart from the weights."""

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mmsearch_dagster.core.modalities import MODALITIES
from mmsearch_dagster.core.suggest import did_you_mean

# Each has a class in core.fusion.strategies, under the same name.
Strategy = Literal["concat", "weighted", "attention", "hadamard"]
Loss = Literal["contrastive", "triplet", "cosine"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
# What every generator of random numbers takes.
Seed = Annotated[int, Field(ge=0, lt=2**32)]
LOSSES: tuple[Loss, ...] = ("contrastive", "triplet", "cosine")


class FusionSpec(BaseModel):
    """Shape of a two-tower model.

    item_widths, query_widths: modality -> width of the encoder's vectors, per tower.
    input_drop: modality -> share of its inputs hidden in training.
    frames: modality -> how many vectors stand side by side in its rows (a video's frames); a modality
        that is not named has one.
    """

    model_config = ConfigDict(frozen=True)

    strategy: Strategy
    item_widths: dict[str, int]
    query_widths: dict[str, int]
    width: int = 640
    hidden: int = 256
    input_drop: dict[str, float] = {}
    frames: dict[str, int] = {}
    seed: int = 7


class TrainParams(BaseModel):
    """How a two-tower model is trained.

    pool: items each step scores its queries against. positives: judged items drawn per query.
    drop: share of modalities hidden during training, so that a missing one is nothing new.
    patience: evaluations without a better dev nDCG@10 before training ends.
    threads: cores that one training uses; part of what was trained, for it changes the last bits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    loss: Loss = "contrastive"
    seed: Seed = 7
    steps: int = Field(default=300, ge=1, le=1_000_000)
    batch: int = Field(default=48, ge=1, le=100_000)
    pool: int = Field(default=192, ge=2, le=100_000)
    positives: int = Field(default=4, ge=1, le=1000)
    learning_rate: float = Field(default=1e-3, gt=0, le=1)
    weight_decay: float = Field(default=0.05, ge=0, le=10)
    temperature: float = Field(default=0.05, gt=0, le=10)
    margin: float = Field(default=0.15, ge=0, le=2)
    drop: float = Field(default=0.1, ge=0, lt=1)
    evaluate_every: int = Field(default=75, ge=1)
    patience: int = Field(default=3, ge=1)
    threads: int = Field(default=1, ge=1, le=64)
    width: int = Field(default=640, ge=1, le=16_384)
    hidden: int = Field(default=256, ge=1, le=16_384)
    # Hiding inputs helped pictures (grocery top-1 0.68 to 0.75) and hurt words (fashion 0.90 to 0.88).
    input_drop: dict[str, Annotated[float, Field(ge=0, lt=1)]] = {"image": 0.4}

    @field_validator("input_drop")
    @classmethod
    def _modalities_exist(cls, shares: dict[str, float]) -> dict[str, float]:
        for modality in shares:
            if modality not in MODALITIES:
                raise ValueError(f"unknown modality '{modality}'; {did_you_mean(modality, MODALITIES)}")
        return shares
