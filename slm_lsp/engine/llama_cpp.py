"""llama.cpp in this process, through `llama-cpp-python` (extra ``llama-cpp``): any GGUF file, on the CPU.

Only the bindings of its C interface are used: https://github.com/ggml-org/llama.cpp/blob/master/include/llama.h
"""

import ctypes
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from slm_lsp.cancel import CancelToken
from slm_lsp.engine.interface import EngineInfo
from slm_lsp.engine.stepwise import Logits, StepwiseEngine
from slm_lsp.errors import ModelError, ModelInvalid

CHUNK = 128
"""Tokens read in one pass, which a cancelled request ends between two of its operations."""

CONTEXT = 8192
"""Tokens that keys and values are reserved for, at most: all of it is taken when the model is loaded."""


class LlamaCppEngine(StepwiseEngine):
    """A model and a context of llama.cpp, whose cache is kept from one call to the next."""

    def __init__(self, cpp: Any, model: Any, context: Any, info: EngineInfo) -> None:
        super().__init__(info, cpp.llama_vocab_n_tokens(cpp.llama_model_get_vocab(model)), CHUNK)
        self._cpp, self._model, self._context = cpp, model, context
        self._memory = cpp.llama_get_memory(context)
        # Called between operations with the address of a text: C's own function needs no Python there.
        library = ctypes.cdll.msvcrt if sys.platform == "win32" else ctypes.CDLL(None)
        self._not_empty = ctypes.cast(library.strlen, cpp.ggml_abort_callback)

    def close(self) -> None:
        """Let go of the weights and the cache."""
        self._cpp.llama_free(self._context)
        self._cpp.llama_model_free(self._model)

    def _clear(self) -> None:
        self._cpp.llama_memory_clear(self._memory, True)

    def _keep(self, count: int) -> int:
        # What has recurrent layers can't be cut.
        if count < len(self._tokens) and not self._cpp.llama_memory_seq_rm(self._memory, 0, count, -1):
            self._clear()
            return 0
        return count

    def _append(self, ids: Sequence[int], cancel: CancelToken) -> Logits:
        cpp, wish = self._cpp, ctypes.create_string_buffer(2)

        def stop() -> None:
            wish[0] = b"1"

        cpp.llama_set_abort_callback(self._context, self._not_empty, wish)
        tokens = (cpp.llama_token * len(ids))(*ids)
        with cancel.calling(stop):
            failed = cpp.llama_decode(self._context, cpp.llama_batch_get_one(tokens, len(ids)))
        if failed:
            reason = _log.first()
            if not cpp.llama_memory_seq_rm(self._memory, 0, len(self._tokens), -1):
                self.shrink()
            cancel.check()
            raise ModelError(f"llama.cpp failed with {failed} ({reason}); run `slm-lsp doctor`.")
        logits = cpp.llama_get_logits_ith(self._context, -1)
        return np.ctypeslib.as_array(logits, (self._vocabulary,)).astype(np.float32)


def load(gguf: Path, threads: int, progress: Callable[[float, str], None]) -> LlamaCppEngine:
    """Load a GGUF file.

    Raises:
        ModelInvalid: llama.cpp does not know its architecture, or it is damaged.
        ModelError: there is not enough memory, or llama.cpp itself can't be loaded.
    """
    progress(0.0, "reading the weights with llama.cpp")
    try:
        import llama_cpp as cpp
    except (ImportError, OSError, RuntimeError) as error:
        raise ModelError(
            f"llama.cpp can't be loaded ({error}); install `slm-lsp[llama-cpp]` anew."
        ) from error
    _log.listen(cpp)
    _log.first()
    cpp.llama_backend_init()
    wanted = cpp.llama_model_default_params()
    wanted.n_gpu_layers = 0
    model = cpp.llama_model_load_from_file(str(gguf).encode(), wanted)
    if not model:
        raise ModelInvalid(f"{gguf} can't be loaded by llama.cpp ({_log.first()}); choose another model.")
    length = min(cpp.llama_model_n_ctx_train(model), CONTEXT)
    asked = cpp.llama_context_default_params()
    asked.n_ctx, asked.n_batch, asked.n_ubatch = length, CHUNK, CHUNK
    asked.n_threads = asked.n_threads_batch = threads
    context = cpp.llama_init_from_model(model, asked)
    if not context:
        cpp.llama_model_free(model)
        raise ModelError(f"{gguf} can't be run by llama.cpp ({_log.first()}); choose a smaller model.")
    progress(1.0, "ready")
    said = ctypes.create_string_buffer(256)
    cpp.llama_model_desc(model, said, len(said))
    architecture, _, precision = said.value.decode(errors="replace").partition(" ")
    info = EngineInfo(
        architecture=architecture,
        parameters=cpp.llama_model_n_params(model),
        precision=precision.partition(" ")[2],
        device="cpu",
        threads=threads,
        context_length=length,
        backend="llama.cpp",
        weights=cpp.llama_model_size(model),
    )
    return LlamaCppEngine(cpp, model, context, info)


class _Log:
    """Keeps the errors of all that llama.cpp writes: the first says what is wrong."""

    def __init__(self) -> None:
        self._errors: list[str] = []
        self._callback: Any = None

    def first(self) -> str:
        """Return the first error since this was last asked."""
        errors, self._errors = self._errors, []
        return errors[0] if errors else "no reason given"

    def listen(self, cpp: Any) -> None:
        """Take llama.cpp's log from here on."""
        if self._callback is None:
            self._callback = cpp.llama_log_callback(self._take)
            cpp.llama_log_set(self._callback, None)

    def _take(self, level: int, text: bytes, _data: Any) -> None:
        if level == _ERROR:
            self._errors.append(text.decode(errors="replace").strip().rstrip("."))


_ERROR = 4
"""GGML_LOG_LEVEL_ERROR."""

_log = _Log()
