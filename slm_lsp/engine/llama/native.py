"""The compiled kernels: kept in the cache folder, made when they are not there or are another version's."""

import ctypes
import hashlib
import os
import platform
import sys
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import llvmlite.binding as llvm

from slm_lsp.paths import cache_dir

SYMBOL = "slm_lsp_join"

KEPT = 4
"""Versions of the machine code that are kept: several installations may share the cache folder."""

_SOURCES = Path(__file__).parent / "kernels"

Join = Callable[[int, int], bool]
"""Take part in the pass of the plan at an address as some thread; whether it was brought to its end."""


class Kernels:
    """Machine code of this process; `join` lets go of the interpreter while it runs."""

    def __init__(self, code: bytes, machine: llvm.TargetMachine) -> None:
        _provide_yield()
        # The engine owns the machine and the code: both must outlive the function.
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        kind = ctypes.CFUNCTYPE(
            ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64
        )
        self._function = kind(self._engine.get_function_address(SYMBOL))

    def join(self, plan: int, thread: int) -> bool:
        """See `slm_lsp.engine.llama.kernels.forward.join`."""
        result, unused = ctypes.c_int64(0), ctypes.c_void_p(0)
        self._function(ctypes.addressof(result), ctypes.addressof(unused), plan, thread)
        return bool(result.value == 1)


def supported() -> bool:
    """Whether the kernels would be fast on this processor: they need fused multiply-add and float16."""
    features: dict[str, bool] = llvm.get_host_cpu_features()
    if platform.machine().lower() in ("x86_64", "amd64"):
        return all(features.get(name, False) for name in ("avx2", "fma", "f16c"))
    return platform.machine().lower() in ("aarch64", "arm64")


def kernels(progress: Callable[[float, str], None]) -> Kernels:
    """Load the kernels for this processor, or compile them, which takes ten seconds, and keep them."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    processor, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    machine = target.create_target_machine(
        cpu=processor, features=features, opt=3, reloc="pic", codemodel="jitdefault", jit=True
    )
    path = cache_dir() / "kernels" / f"{_fingerprint(processor, features)}.o"
    code = _read(path)
    if code is None:
        progress(0.0, "compiling the kernels for this processor")
        from slm_lsp.engine.llama.kernels.emit import emit

        code = emit(SYMBOL, machine)
        _write(path, code)
    return Kernels(code, machine)


def _fingerprint(processor: str, features: str) -> str:
    """Return a digest of all that the machine code depends on."""
    digest = hashlib.sha256(f"{processor} {features} {version('numba')} {version('llvmlite')}".encode())
    for source in sorted(_SOURCES.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _read(path: Path) -> bytes | None:
    """Return the machine code in a file if it is whole: its own digest stands before it."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    code = content[32:]
    return code if hashlib.sha256(code).digest() == content[:32] else None


def _write(path: Path, code: bytes) -> None:
    """Keep machine code, in place of the oldest; a folder that can't be written costs a compile."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(OSError):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        made = sorted(path.parent.glob("*.o"), key=lambda one: one.stat().st_mtime)
        for outdated in made[: -KEPT + 1]:
            outdated.unlink()
        partial.write_bytes(hashlib.sha256(code).digest() + code)
        partial.replace(path)


def _provide_yield() -> None:
    """Windows has `sched_yield` under another name."""
    if sys.platform == "win32":
        function = ctypes.windll.kernel32.SwitchToThread
        llvm.add_symbol("sched_yield", ctypes.cast(function, ctypes.c_void_p).value)
