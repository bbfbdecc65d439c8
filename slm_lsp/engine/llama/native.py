"""The compiled forward pass, and whether this processor is one that it is fast on."""

import platform
from collections.abc import Callable
from pathlib import Path

import llvmlite.binding as llvm

from slm_lsp.native.code import Function, Source, compiled


class Kernels:
    """The forward pass; `join` lets go of the interpreter while it runs."""

    def __init__(self, function: Function) -> None:
        self._function = function

    def join(self, plan: int, thread: int) -> bool:
        """See `slm_lsp.engine.llama.kernels.forward.join`."""
        return self._function(plan, thread) == 1


def supported() -> bool:
    """Whether the kernels would be fast on this processor: they need fused multiply-add and float16."""
    features: dict[str, bool] = llvm.get_host_cpu_features()
    if platform.machine().lower() in ("x86_64", "amd64"):
        return all(features.get(name, False) for name in ("avx2", "fma", "f16c"))
    return platform.machine().lower() in ("aarch64", "arm64")


def kernels(progress: Callable[[float, str], None]) -> Kernels:
    """Load the kernels for this processor, or compile them, which takes ten seconds, and keep them."""
    source = Source(Path(__file__).parent / "kernels", _forward, 2)
    return Kernels(compiled(source, lambda: progress(0.0, "compiling the kernels for this processor")))


def _forward() -> object:
    from slm_lsp.engine.llama.kernels.forward import join

    return join
