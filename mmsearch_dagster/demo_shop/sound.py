"""What sample products sound like: one recipe per kind that makes a noise, varied by the product itself.

A recipe knows when things happen (a rhythm) and what each of them is (a tone, a sweep, a burst of noise).
Material moves the brightness and size the pitch, so two mugs are alike and a steel one rings higher.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
SECONDS = 1.0
Samples: TypeAlias = NDArray[np.float64]

_TIME: Samples = np.arange(int(RATE * SECONDS)) / RATE
_BRIGHT = {"steel": 1.3, "metal": 1.3, "aluminium": 1.25, "glass": 1.4, "brass": 1.2, "cast iron": 0.8}
_DULL = {"plush": 0.7, "rubber": 0.75, "silicone": 0.75, "wood": 0.85, "leather": 0.8, "paper": 1.15}
_TONE = {**_BRIGHT, **_DULL}


@dataclass(frozen=True)
class Voice:
    """What one product adds: `pitch` and `pace` are factors around 1, `noise` draws the small accidents."""

    pitch: float
    pace: float
    noise: np.random.Generator


def voice_of(material: str, cut: float, seed: int) -> Voice:
    """The product's own way to sound. cut: its silhouette in [0, 1], the larger the lower."""
    noise = np.random.default_rng(seed)
    pitch = _TONE.get(material, 1.0) * (1.1 - 0.2 * cut) * noise.uniform(0.97, 1.03)
    return Voice(pitch=float(pitch), pace=float(noise.uniform(0.85, 1.2)), noise=noise)


def sounded(kind: str, voice: Voice) -> NDArray[np.float32]:
    """One second of it, float32 [16000] in [-0.8, 0.8]. `kind` is a key of SOUNDS."""
    samples = SOUNDS[kind](voice) + 0.002 * voice.noise.standard_normal(_TIME.size)
    return (0.8 * samples / np.abs(samples).max()).astype(np.float32)


def _tone(hertz: float, *overtones: float) -> Samples:
    """A tone with overtones at whole multiples, each of the given strength."""
    partials = enumerate((1.0, *overtones), start=1)
    return np.sum([s * np.sin(2 * np.pi * hertz * n * _TIME) for n, s in partials], axis=0)


def _sweep(start: float, end: float) -> Samples:
    return np.sin(2 * np.pi * np.cumsum(np.linspace(start, end, _TIME.size)) / RATE)


def _hiss(voice: Voice, low: float, high: float) -> Samples:
    """Noise between two frequencies in Hz."""
    spectrum = np.fft.rfft(voice.noise.standard_normal(_TIME.size))
    hertz = np.fft.rfftfreq(_TIME.size, 1 / RATE)
    spectrum[(hertz < low) | (hertz > high)] = 0
    band = np.fft.irfft(spectrum, _TIME.size)
    return band / np.abs(band).max()


def _decay(start: float, seconds: float) -> Samples:
    """Silence, then an attack at `start` that dies away."""
    since = _TIME - start
    return np.where(since >= 0, np.exp(-np.maximum(since, 0) / seconds), 0.0)


def _struck(sound: Samples, starts: list[float], seconds: float) -> Samples:
    return np.sum([_decay(start, seconds) for start in starts], axis=0) * sound


def _every(period: float, voice: Voice, first: float = 0.05) -> list[float]:
    return np.arange(first, SECONDS, period / voice.pace).tolist()


def _pulsed(hertz: float, sharpness: float = 1.0) -> Samples:
    return (0.5 + 0.5 * np.sin(2 * np.pi * hertz * _TIME)) ** sharpness


def _melody(hertz: tuple[float, ...], voice: Voice, length: float) -> Samples:
    step = length / voice.pace
    notes = [_struck(_tone(h * voice.pitch, 0.4, 0.2), [n * step], step) for n, h in enumerate(hertz)]
    return np.sum(notes, axis=0)


def _clink(hertz: float, seconds: float) -> Callable[[Voice], Samples]:
    """Something hard struck twice: the partials of a bell are no whole multiples."""

    def struck(voice: Voice) -> Samples:
        partials = [_tone(hertz * voice.pitch * ratio) / ratio for ratio in (1.0, 2.76, 5.4)]
        return _struck(np.sum(partials, axis=0), _every(0.55, voice), seconds)

    return struck


def _bouncing(voice: Voice) -> Samples:
    gaps = 0.34 * voice.pace * 0.72 ** np.arange(7)
    starts = np.concatenate([[0.02], 0.02 + np.cumsum(gaps)])
    return _struck(_tone(150 * voice.pitch, 0.3), starts.tolist(), 0.05)


def _beat(voice: Voice) -> Samples:
    drum = _struck(_tone(70 * voice.pitch), _every(0.25, voice), 0.06)
    return drum + 0.4 * _struck(_hiss(voice, 5000, 7900), _every(0.125, voice), 0.02)


SOUNDS: dict[str, Callable[[Voice], Samples]] = {
    "ball": _bouncing,
    "boots": lambda v: _struck(_hiss(v, 60, 900), _every(0.42, v), 0.06),
    "bottle": lambda v: _pulsed(9 * v.pace, 3) * _sweep(350 * v.pitch, 1100 * v.pitch),
    "bowl": _clink(900, 0.22),
    "camera": lambda v: _struck(_hiss(v, 2500, 7500), [0.2, 0.2 + 0.09 / v.pace], 0.015),
    "frying_pan": lambda v: _hiss(v, 2500, 7900) * (0.4 + 0.6 * _pulsed(23 * v.pace, 4)),
    "headphones": _beat,
    "high_heels": lambda v: _struck(_tone(1900 * v.pitch, 0.5), _every(0.36, v), 0.02),
    "jacket": lambda v: _hiss(v, 3000, 7000) * _pulsed(70 * v.pace, 2) * _decay(0.1, 0.4),
    "kite": lambda v: _hiss(v, 200, 900) * _pulsed(5 * v.pace),
    "lamp": lambda v: _struck(_tone(2600 * v.pitch, 0.7, 0.4), [0.15, 0.7], 0.008),
    "laptop": lambda v: _struck(_hiss(v, 1200, 5000), _every(0.11, v), 0.012),
    "mug": _clink(1700, 0.12),
    "phone": lambda v: _melody((1320, 1568, 1976, 1568, 1320, 1976), v, 0.15),
    "plate": _clink(1250, 0.3),
    "rubber_duck": lambda v: _struck(_sweep(700 * v.pitch, 1500 * v.pitch), _every(0.45, v), 0.12),
    "suitcase": lambda v: _hiss(v, 80, 500) * (0.5 + 0.5 * _pulsed(14 * v.pace)),
    "teapot": lambda v: _sweep(1400 * v.pitch, 2700 * v.pitch) * np.linspace(0.1, 1, _TIME.size),
    "teddy_bear": lambda v: _tone(130 * v.pitch, 0.6, 0.5, 0.3) * _pulsed(4 * v.pace, 2),
    "toy_car": lambda v: _tone(95 * v.pitch, 0.8, 0.7, 0.6, 0.5) * (0.6 + 0.4 * _pulsed(26 * v.pace)),
    "umbrella": lambda v: _hiss(v, 300, 3500) * _decay(0.25, 0.12),
    "watch": lambda v: _struck(_tone(3600 * v.pitch, 0.5), _every(0.25, v), 0.006),
}
