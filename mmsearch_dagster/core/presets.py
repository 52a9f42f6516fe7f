"""What a run uses and how: assets/presets/*.yaml as records."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mmsearch_dagster.core.config_file import parse_reviewed
from mmsearch_dagster.core.encoders.protocol import EncoderSpec
from mmsearch_dagster.core.finetuning.params import FinetuneParams
from mmsearch_dagster.core.finetuning.text_params import TextFinetuneParams
from mmsearch_dagster.core.fusion.config import STRATEGIES, Seed, Strategy, TrainParams
from mmsearch_dagster.core.modalities import IMAGE, VIDEO
from mmsearch_dagster.core.speech.spec import RecogniserSpec


class SyntheticLimits(BaseModel):
    """How many queries of each kind are made from the catalogue, the log and reviews."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    attributes: int = Field(default=1500, ge=0)
    pairs: int = Field(default=1500, ge=0)
    views: int = Field(default=600, ge=0)
    logged: int = Field(default=3000, ge=0)
    reviews: int = Field(default=1000, ge=0)
    dev_share: float = Field(default=0.2, gt=0, lt=1)
    seed: Seed = 7


class RunPreset(BaseModel):
    """Encoders by modality, strategies to train, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoders: tuple[EncoderSpec, ...] = Field(min_length=1)
    strategies: tuple[Strategy, ...] = Field(default=STRATEGIES, min_length=1)
    train: TrainParams = TrainParams()
    derived: SyntheticLimits = SyntheticLimits()
    # The recogniser of spoken queries.
    recogniser: RecogniserSpec = RecogniserSpec()
    # Fine-tune the image encoder in every run; `mmsearch run --finetune` does it in one.
    finetune: FinetuneParams | None = None
    # The same for the text encoder, on judged and logged queries; `--finetune-text`.
    finetune_text: TextFinetuneParams | None = None

    @field_validator("encoders")
    @classmethod
    def _modalities_differ(cls, encoders: tuple[EncoderSpec, ...]) -> tuple[EncoderSpec, ...]:
        _refuse_twice([spec.modality for spec in encoders], "two encoders of modality")
        return encoders

    @field_validator("strategies")
    @classmethod
    def _each_strategy_once(cls, strategies: tuple[Strategy, ...]) -> tuple[Strategy, ...]:
        _refuse_twice(strategies, "the same strategy twice:")
        return strategies

    def encoder(self, modality: str) -> EncoderSpec | None:
        """The encoder of that modality, None when the preset leaves it out."""
        return next((spec for spec in self.encoders if spec.modality == modality), None)

    def with_encoder(self, spec: EncoderSpec) -> "RunPreset":
        """The preset with another encoder in its modality's place.

        Where videos are read by the image encoder that is replaced, they go on sharing its space.
        """
        former = self.encoder(spec.modality)
        changed = {spec.modality: spec}
        video = self.encoder(VIDEO)
        if spec.modality == IMAGE and former and video and former.weights == video.weights:
            changed[VIDEO] = spec.model_copy(update={"modality": VIDEO, "frames": video.frames})
        kept = [changed.pop(each.modality, each) for each in self.encoders]
        return RunPreset.model_validate({**dict(self), "encoders": (*kept, *changed.values())})


def _refuse_twice(names: Sequence[str], what: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{what} {twice[0]}; keep one")


def parse_preset(text: str, where: str) -> RunPreset:
    """The preset in a YAML text; `where` names it in messages. Raises ConfigError."""
    return parse_reviewed(RunPreset, text, where, what="preset")
