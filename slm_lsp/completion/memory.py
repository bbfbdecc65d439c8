"""Staying within the memory that the settings allow: caches give way first, then requests are refused."""

import asyncio
import ctypes
import gc
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import psutil

from slm_lsp.cancel import CancelToken
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.scheduler import Scheduler

PAUSE = 5.0
"""Seconds after emptying the caches in which it is not tried again: they were all but empty then."""


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    return psutil.Process().memory_info().rss


class MemoryLimit:
    """Keeps the process within a limit; `forget` empties the caches that are not the engine's."""

    def __init__(self, scheduler: Scheduler, forget: Callable[[], None]) -> None:
        self._scheduler, self._forget = scheduler, forget
        self._emptied = -PAUSE

    def short(self, megabytes: int) -> bool:
        """Whether the process holds more than so much; never if that is 0."""
        return bool(megabytes) and resident() > megabytes * 1_000_000

    async def room(self, megabytes: int, model: LoadedModel) -> bool:
        """Whether there is room for another request, if need be after all caches were emptied."""
        if not self.short(megabytes):
            return True
        if time.monotonic() < self._emptied + PAUSE:
            return False
        self._emptied = time.monotonic()
        self._forget()

        def shrink(token: CancelToken) -> None:
            model.engine.shrink()
            give_back()

        job = self._scheduler.submit("", shrink)
        await asyncio.wait({job.done})
        return not self.short(megabytes)


def give_back() -> None:
    """Collect what nobody holds, and give free memory back to the system where that can be asked for."""
    gc.collect()
    if sys.platform == "linux":
        # Only glibc has it; without it the memory is reused, though not given back.
        with suppress(AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
