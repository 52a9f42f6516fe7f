"""A real image network small enough to be trained in a test, and pictures it can tell apart."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from mmsearch_dagster.core.encoders.torchvision_shim import import_torchvision

MEAN = STD = (0.5, 0.5, 0.5)
COLOURS = ((200, 40, 40), (40, 160, 40), (50, 60, 200))


def tiny_network(seed: int = 1) -> Any:
    """timm's smallest EfficientNet, 99 thousand weights, its statistics as after some training."""
    import_torchvision()
    import timm

    torch.manual_seed(seed)
    network: Any = timm.create_model("test_efficientnet", num_classes=0)
    network.train()
    with torch.no_grad():
        for _ in range(3):
            network(torch.rand(8, 3, 32, 32) * 2 - 1)
    return network.eval()


def tiny_folder(folder: Path) -> Path:
    """The network as timm saves it."""
    network = tiny_network()
    from timm.models import save_for_hf

    data = {"input_size": (3, 32, 32), "mean": MEAN, "std": STD, "crop_pct": 1.0, "interpolation": "bicubic"}
    save_for_hf(network, str(folder), safe_serialization=True, data_config=data)
    return folder


def coloured(colour: int, seed: int, side: int = 40) -> bytes:
    """A noisy PNG of one of three colours."""
    noise = np.random.default_rng(seed).integers(-30, 30, (side, side, 3))
    pixels = np.clip(np.array(COLOURS[colour]) + noise, 0, 255).astype(np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def reader(content: bytes) -> Callable[[], bytes]:
    """What an encoder calls for a picture's bytes."""
    return lambda: content


COLOUR_WORDS = {
    "rot": "red",
    "blau": "blue",
    "gelb": "yellow",
    "braun": "brown",
    "rosa": "pink",
    "grau": "grey",
}
THING_WORDS = {"tasse": "mug", "hut": "hat", "tuch": "scarf", "ball": "ball", "sieb": "sieve", "topf": "pot"}


def word_pairs() -> list[tuple[str, str]]:
    """36 queries in one language and the title of the product in another one, word for word."""
    return [
        (f"{colour} {thing}", f"{COLOUR_WORDS[colour]} {THING_WORDS[thing]}")
        for colour in COLOUR_WORDS
        for thing in THING_WORDS
    ]


def tiny_text_folder(folder: Path) -> Path:
    """A BERT of 32 numbers a word, its weights as they were drawn, that knows the words of `word_pairs`."""
    import_torchvision()
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import BertConfig, BertModel

    words = sorted({word for pair in word_pairs() for text in pair for word in text.split()})
    vocabulary = {"[UNK]": 0} | {word: number for number, word in enumerate(words, start=1)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()  # type: ignore[assignment]
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()  # type: ignore[assignment]
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=128, hidden_size=32, num_hidden_layers=3, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder
