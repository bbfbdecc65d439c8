"""The mixture of what a model says and what is remembered.

A linear mixture (kNN-LM: Khandelwal et al. 2020) believes a memory however unlikely the model finds it, a
product of the two only what both believe; what is added here lies between them, by a fitted power.
"""

import math
import threading
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slm_lsp.engine.interface import Remembered
from slm_lsp.native.code import Function, Source, compiled

FAINTEST = math.log(1e-6)
"""The logarithm of a chance that is less counts as so much: the model never rules out what is remembered."""

LOUDEST = 20.0
"""Nats that memory may be louder than a model that is certain: far beyond what was ever fitted."""

ROOM = 64
"""Tokens that there is room for from the start."""

Numbers = NDArray[np.float64]


class Mixture(NamedTuple):
    """What becomes of a distribution with what is remembered mixed in.

    `chances` are those of the tokens `ids`, float64 [n]; those of all others are `kept` times what they were.
    `more` is what each voice added before all were scaled, float64 [voices, n]; `entropy` is in nats.
    """

    ids: NDArray[np.int64]
    chances: Numbers
    kept: float
    entropy: float
    more: Numbers


class _Mixer(threading.local):
    """Mixes in machine code, in memory of its own; each thread has one."""

    def __init__(self) -> None:
        self._mix = function()
        self._fit(1, ROOM)

    def _fit(self, voices: int, width: int) -> None:
        self._voices, self._width = voices, width
        self._numbers = np.array([0.0, FAINTEST, LOUDEST, 0.0, 0.0])
        self._logs, self._chances = np.zeros(width), np.zeros(width)
        self._shares, self._more = np.zeros((voices, width)), np.zeros((voices, width))
        self._loud = np.zeros((3, voices))
        arrays = (self._numbers, self._logs, self._shares, self._loud, self._more, self._chances)
        self._plan = np.array([voices, 0, width, *(one.ctypes.data for one in arrays)], np.int64)
        self._address = self._plan.ctypes.data

    def mix(self, said: Remembered, entropy: float, logs: Numbers) -> Mixture:
        voices, count = said.shares.shape
        if voices != self._voices or count > self._width:
            self._fit(voices, max(count, ROOM))
        self._plan[1], self._numbers[0] = count, entropy
        self._logs[:count], self._shares[:, :count] = logs, said.shares
        self._loud[:] = said[2:]
        self._mix(self._address)
        kept, entropy = self._numbers[3:].tolist()
        return Mixture(said.ids, self._chances[:count].copy(), kept, entropy, self._more[:, :count].copy())


def mix(said: Remembered, entropy: float, logs: Numbers) -> Mixture:
    """Mix what is remembered into a distribution with an `entropy` (see `Remembered`).

    `logs` [n] are the logarithms of its chances of what is remembered.
    """
    return _mixer().mix(said, entropy, logs)


@cache
def _mixer() -> _Mixer:
    return _Mixer()


@cache
def function() -> Function:
    """Load the machine code, or compile it, which takes some seconds, and keep it."""
    return compiled(Source(Path(__file__).parent / "kernels", _load, 1, brief=True))


def _load() -> object:
    from slm_lsp.engine.kernels.mix import mix

    return mix
