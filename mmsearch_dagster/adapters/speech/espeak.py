"""Spoken words for the sample store and for tests, through espeak-ng where package `espeakng-loader` is.

espeak-ng is no dependency of the product: without it the sample store has no voice queries.
"""

import ctypes
import importlib.util
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmsearch_dagster.core.errors import ConfigError

RATE = 16_000
# As speak_lib.h numbers them: output into memory, the parameters, text in UTF-8.
_SYNCHRONOUS, _SPEED, _PITCH, _UTF8 = 2, 1, 3, 1
_CHUNK_MS = 200
# British English is that file's only language and not its name, by which voices are looked up.
_NAMES = {"en-gb": "en"}
_HEAR = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
_SYNTH = (ctypes.c_char_p, ctypes.c_size_t, *[ctypes.c_uint] * 4, ctypes.c_void_p, ctypes.c_void_p)
_LOCK = threading.Lock()


def can_speak() -> bool:
    """Whether the synthesiser is installed."""
    return importlib.util.find_spec("espeakng_loader") is not None


def speak(text: str, voice: str = "en-us", rate: int = 160, pitch: int = 50) -> NDArray[np.float32]:
    """The text as speech: float32 [samples] in [-1, 1], 16 kHz, mono; the same samples every time.

    voice: as espeak-ng names it: `en-us`, `en-gb`, `en-029`, `cmn`; `en-us+f3` is a variant of one.
    rate: words per minute, 80 to 450. pitch: 0 to 99.
    Raises ConfigError when espeak-ng is not installed or has no such voice.
    """
    base, plus, variant = voice.partition("+")
    name = f"{_NAMES.get(base, base)}{plus}{variant}"
    with _LOCK, _synthesiser() as (library, hertz):
        if library.espeak_SetVoiceByName(name.encode("utf-8", "replace")) != 0:
            raise ConfigError(f"espeak-ng has no voice '{voice}'; `en-us`, `en-gb` and `cmn` are there")
        library.espeak_SetParameter(_SPEED, rate, 0)
        library.espeak_SetParameter(_PITCH, pitch, 0)
        samples = _synthesised(library, text)
    return _at_16_khz(samples, hertz)


@contextmanager
def _synthesiser() -> Iterator[tuple[Any, int]]:
    """A library of its own and its sampling rate in Hz.

    What the library said before changes what it says next, so each text gets a freshly loaded copy
    (10 ms); a copy, because others in this process may hold the installed file open.
    """
    if not can_speak():
        raise ConfigError("speech needs espeak-ng: pip install espeakng-loader")
    import _ctypes

    import espeakng_loader

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        library = ctypes.CDLL(shutil.copy(espeakng_loader.get_library_path(), folder))
        try:
            library.espeak_Synth.argtypes = list(_SYNTH)
            data = str(espeakng_loader.get_data_path())
            hertz = library.espeak_Initialize(_SYNCHRONOUS, _CHUNK_MS, data.encode(), 0)
            if hertz <= 0:
                raise ConfigError(f"espeak-ng does not start with its data in {data}")
            library.espeak_ng_SetRandSeed(1)  # starting took the time of day: breath is noise
            yield library, hertz
            library.espeak_Terminate()
        finally:
            getattr(_ctypes, "dlclose", lambda handle: None)(library._handle)


def _synthesised(library: Any, text: str) -> NDArray[np.int16]:
    chunks: list[bytes] = []

    def hear(samples: Any, count: int, _: Any) -> int:
        if samples and count > 0:
            chunks.append(ctypes.string_at(samples, 2 * count))
        return 0

    callback = _HEAR(hear)
    library.espeak_SetSynthCallback(callback)
    written = text.replace("\0", " ").encode("utf-8", "replace") + b"\0"
    library.espeak_Synth(written, len(written), 0, 0, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    return np.frombuffer(b"".join(chunks), dtype=np.int16)


def _at_16_khz(samples: NDArray[np.int16], hertz: int) -> NDArray[np.float32]:
    from scipy.signal import resample_poly

    if not samples.size:
        return np.zeros(0, dtype=np.float32)
    step = int(np.gcd(RATE, hertz))
    resampled = resample_poly(samples / 32_768.0, RATE // step, hertz // step)
    return np.clip(resampled, -1.0, 1.0).astype(np.float32)
