"""The configuration of the speech recogniser."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class RecogniserSpec(BaseModel):
    """library: `pocketsphinx` (English, embedded, limited to the catalogue's words) or `transformers`.

    model: a folder or a hub id that is already downloaded, for `transformers`: Whisper and its like, or
        wav2vec2 and its like with a CTC head. language: what is spoken, for models that ask (`en`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    library: Literal["pocketsphinx", "transformers"] = "pocketsphinx"
    model: str = "embedded"
    language: str | None = None
