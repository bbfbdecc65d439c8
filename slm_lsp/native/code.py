"""Compiled functions: kept in the cache folder, made when they are not there or are another version's."""

import ctypes
import hashlib
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from slm_lsp.errors import SlmLspError
from slm_lsp.paths import cache_dir

if TYPE_CHECKING:
    import llvmlite.binding as llvm

# The imports within functions take time that `initialize` must not wait for.

SYMBOL = "slm_lsp_function"

KEPT = 8
"""Object files that are kept: several versions, and several installations that share the cache folder."""


@dataclass(frozen=True, slots=True)
class Source:
    """A function of some int64 that returns one: `load` imports it, `folder` has all that it is made of.

    `brief` ones take microseconds: the interpreter is not let go of while they run.
    """

    folder: Path
    load: Callable[[], object]
    arguments: int
    brief: bool = False


class Function:
    """Machine code of this process."""

    def __init__(self, code: bytes, machine: "llvm.TargetMachine", source: Source) -> None:
        import llvmlite.binding as llvm

        _provide()
        # The engine owns the machine and the code: both must outlive the function.
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self._engine.finalize_object()
        kind = ctypes.PYFUNCTYPE if source.brief else ctypes.CFUNCTYPE
        addresses, numbers = [ctypes.c_void_p] * 2, [ctypes.c_int64] * source.arguments
        self._function = kind(ctypes.c_int32, *addresses, *numbers)(self._engine.get_function_address(SYMBOL))

    def __call__(self, *arguments: int) -> int:
        """Call it; returns what it returns."""
        result, unused = ctypes.c_int64(0), ctypes.c_void_p(0)
        self._function(ctypes.addressof(result), ctypes.addressof(unused), *arguments)
        return result.value


def compiled(source: Source, began: Callable[[], None] = lambda: None) -> Function:
    """Load a function for this processor, or compile it, after telling `began`, and keep it."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    processor, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    machine = target.create_target_machine(
        cpu=processor, features=features, opt=3, reloc="pic", codemodel="jitdefault", jit=True
    )
    path = None
    with suppress(SlmLspError):  # no folder to keep it in costs a compile
        path = cache_dir() / "kernels" / f"{_fingerprint(source, processor, features)}.o"
    code = _read(path) if path else None
    if code is None:
        began()
        from slm_lsp.native.emit import emit

        code = emit(source.load(), source.arguments, SYMBOL, machine)
        if path:
            _write(path, code)
    return Function(code, machine, source)


def _fingerprint(source: Source, processor: str, features: str) -> str:
    """Return a digest of all that the machine code depends on."""
    digest = hashlib.sha256(f"{processor} {features} {version('numba')} {version('llvmlite')}".encode())
    for folder in (Path(__file__).parent, source.folder):
        for file in sorted(folder.glob("*.py")):
            digest.update(file.read_bytes())
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


def _provide() -> None:
    """Name what machine code calls and Windows has elsewhere, or under another name."""
    if sys.platform == "win32":
        import llvmlite.binding as llvm

        runtime = ctypes.CDLL("ucrtbase")
        functions = {"sched_yield": ctypes.windll.kernel32.SwitchToThread}
        functions |= {name: getattr(runtime, name) for name in ("exp", "log")}
        for name, function in functions.items():
            llvm.add_symbol(name, ctypes.cast(function, ctypes.c_void_p).value)
