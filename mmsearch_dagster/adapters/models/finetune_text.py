"""Fine-tuning between files: a configured text encoder and graded queries in, a transformers folder out."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmsearch_dagster.adapters.models.encoder_files import EncoderFiles
from mmsearch_dagster.adapters.models.finetune import threads_within_limits
from mmsearch_dagster.adapters.models.load import load_tokenizer
from mmsearch_dagster.core.encoders.protocol import EncoderSpec
from mmsearch_dagster.core.errors import ConfigError
from mmsearch_dagster.core.finetuning.text_params import TextFinetuneParams

if TYPE_CHECKING:
    from mmsearch_dagster.core.finetuning.text import TunedText
    from mmsearch_dagster.core.finetuning.text_examples import QueryExample
    from mmsearch_dagster.core.finetuning.watch import Watch

# Of a model's folder, what is no network: vocabulary, configuration, pooling.
_BESIDE_WEIGHTS = (".json", ".txt", ".model")


def require_tunable_text(spec: EncoderSpec | None) -> EncoderSpec:
    """The spec, when it is a text encoder that can be fine-tuned; ConfigError otherwise."""
    if spec is None or spec.library != "transformers":
        given = "there is none" if spec is None else f"'{spec.model}' is read by {spec.library}"
        raise ConfigError(
            f"--finetune-text needs a text encoder of library transformers, but {given}: "
            "see presets/run.yaml, or give --no-finetune-text"
        )
    return spec


def tune_text(
    spec: EncoderSpec,
    examples: "tuple[Sequence[QueryExample], Sequence[QueryExample]]",
    products: tuple[Sequence[str], Sequence[int]],
    params: TextFinetuneParams,
    folder: Path,
    *,
    watch: "Watch",
    checkpoint: Path,
) -> "TunedText":
    """Fine-tune the encoder of `spec`; writes the model into `folder` where the outcome's share is above 0.

    Deterministic; killed and started again it goes on from `checkpoint`, which is gone in the end.

    Args:
        spec: as configured.
        examples: queries that train and queries that only measure, with texts as they are encoded.
        products: their texts as they are encoded, and the rows that held-out queries are measured among.
        params: the recipe.
        folder: of the tuned model.
        watch: gets each finished batch and epoch.
        checkpoint: file of an unfinished training.
    """
    from mmsearch_dagster.core.encoders.networks import TextNetwork, load_network
    from mmsearch_dagster.core.finetuning.text import Texts, finetune_text

    files = EncoderFiles.of(spec)
    network = load_network(files.spec, files.path)
    assert isinstance(network, TextNetwork)
    tokenizer = load_tokenizer(files.path, min(spec.max_length, params.max_tokens))
    queries = sorted({example.text for part in examples for example in part})
    tokens = dict(zip(queries, _tokens(tokenizer, queries), strict=True))
    texts = Texts(tokens, _tokens(tokenizer, products[0]), products[1])
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    with threads_within_limits():
        outcome = finetune_text(network, examples, texts, params, watch=watch, checkpoint=checkpoint)
    if outcome.share:
        _write(network.backbone, files.path, folder)
    checkpoint.unlink(missing_ok=True)
    return outcome


def _tokens(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]


def _write(backbone: Any, configured: Path, folder: Path) -> None:
    """The weights, and beside them what the configured folder says of words."""
    from transformers.utils import logging

    folder.mkdir(parents=True, exist_ok=True)
    for file in sorted(configured.iterdir()):
        if file.suffix in _BESIDE_WEIGHTS and not file.name.endswith(".index.json"):
            shutil.copyfile(file, folder / file.name)
    logging.disable_progress_bar()
    backbone.save_pretrained(folder)
