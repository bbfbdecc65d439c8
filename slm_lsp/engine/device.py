"""Which processor the engine runs on, and with how many threads."""

import ctypes.util
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from slm_lsp.errors import ModelError

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""A container's share of the processors: microseconds of their time, and the period that these are for."""


_DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
"""What Linux has where there is an accelerator: NVIDIA's driver, that of Windows below it, AMD's."""


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What torch finds on this machine; `device` and `threads` are what the engine would take by itself."""

    torch_version: str
    device: str
    threads: int
    cuda: bool
    mps: bool


def describe() -> DeviceInfo:
    """Import torch and return what it finds.

    Raises:
        ImportError: torch is missing.
        OSError: one of its libraries can't be loaded.
    """
    import torch

    return DeviceInfo(
        torch_version=str(torch.__version__),
        device=choose_device("auto"),
        threads=physical_cores(),
        cuda=torch.cuda.is_available(),
        mps=torch.backends.mps.is_available(),
    )


def choose_device(wanted: str) -> str:
    """Return the torch device that stands for the setting `wanted`: ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        ModelError: the device is not to be had here.
    """
    if wanted == "cpu" or (wanted == "auto" and not _may_have_accelerator()):
        return "cpu"
    import torch

    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next((name for name, there in present.items() if there), "cpu")
    if not present.get(wanted):
        raise ModelError(
            f"torch {torch.__version__} finds no {wanted} device here; set `device` to auto or cpu."
        )
    return wanted


def physical_cores() -> int:
    """Return how many cores this process may keep busy: physical ones, in its affinity and container quota.

    Two threads on one core share its arithmetic units, so more threads than cores slow a matrix product down.
    """
    cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = min(cores, len(os.sched_getaffinity(0)))
    return max(1, min(cores, _quota_cores()))


def _may_have_accelerator() -> bool:
    """Whether it is worth asking torch, whose import takes a second: there is a driver, or Apple's chip."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    if sys.platform == "win32":
        return ctypes.util.find_library("nvcuda") is not None
    return any(Path(driver).exists() for driver in _DRIVERS)


def _quota_cores() -> int:
    try:
        quota, period = _QUOTA.read_text(encoding="ascii").split()
        return max(1, int(quota) // int(period))
    except (OSError, ValueError):
        # Not Linux, no such control group, or "max": no quota.
        return 1 << 16
