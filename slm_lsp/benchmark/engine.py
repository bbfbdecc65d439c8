"""How fast the engine reads, writes, verifies and starts; and Hugging Face `generate` in the same run."""

import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil

from slm_lsp.cancel import CancelToken
from slm_lsp.engine.interface import Decoding, Engine, Usage
from slm_lsp.engine.lookup import Lookup, Nothing
from slm_lsp.errors import SlmLspError, UsageError

SOURCES = ("argparse", "textwrap", "shlex", "heapq", "fractions", "json.decoder", "inspect", "tarfile")
"""Modules of Python's library: real code that every machine has."""

PREFILL = (128, 512, 1024)
COST_CURVE = (1, 2, 4, 8, 16)
PROMPT, WRITTEN, PROMPTS = 512, 48, 8
"""Tokens of a prompt that is decoded from, tokens written, and prompts."""

SHAPES: dict[str, dict[str, Any]] = {
    "qwen2.5-coder-0.5b": {
        "vocab_size": 151936,
        "hidden_size": 896,
        "intermediate_size": 4864,
        "num_hidden_layers": 24,
        "num_attention_heads": 14,
        "num_key_value_heads": 2,
    },
    "qwen2.5-coder-1.5b": {
        "vocab_size": 151936,
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
    },
}
"""Sizes from the models' `config.json`."""

Figures = dict[str, float]


def prompts(encode: Callable[[str], list[int]], length: int, count: int, seed: int) -> list[list[int]]:
    """Return windows of real code that begin in different places, so that none begins like another."""
    rng = random.Random(seed)
    files = [encode(text) for text in _texts()]
    files = [ids for ids in files if len(ids) > length + count]
    starts: set[tuple[int, int]] = set()
    while len(starts) < count:
        file = rng.randrange(len(files))
        starts.add((file, rng.randrange(len(files[file]) - length)))
    return [files[file][start : start + length] for file, start in sorted(starts)]


def measure(engine: Engine, some: Sequence[list[int]], told: Callable[[str], None]) -> Figures:
    """Measure an engine on prompts of `PREFILL[-1]` tokens: times in ms, rates in tokens per second."""
    figures: Figures = {}
    fresh = iter(some)
    for size in PREFILL:
        told(f"reading {size} tokens")
        figures[f"prefill_{size}"] = statistics.median(_rate(engine, next(fresh)[:size]) for _ in range(3))
    # A lookup of its own knows the prompt alone, and nothing that was written from it before.
    for name, drafts in (("plain", Nothing()), ("drafts", Lookup())):
        told(f"writing, {name}")
        usage, seconds = Usage(), 0.0
        for ids in some[:PROMPTS]:
            engine.prefill(ids[:PROMPT], CancelToken(), Usage())
            started = time.perf_counter()
            for _ in engine.generate(ids[:PROMPT], Decoding(WRITTEN, drafts=drafts), CancelToken(), usage):
                pass
            seconds += time.perf_counter() - started
        figures[f"decode_ms_{name}"] = 1e3 * seconds / usage.decoded
        if name == "drafts":
            figures["tokens_per_pass"] = usage.decoded / max(1, usage.passes + PROMPTS)
    told("the cost of a pass")
    for rows in COST_CURVE:
        figures[f"pass_ms_{rows}"] = min(_pass(engine, some[0][:PROMPT], rows) for _ in range(5))
    told("completions")
    cold, warm = next(fresh)[: PREFILL[-1] - 16], next(fresh)[:PROMPT]
    figures["cold_ms"] = _completion(engine, cold)
    _completion(engine, warm[:-4])
    figures["warm_ms"] = _completion(engine, warm)
    figures["resident_mb"] = psutil.Process().memory_info().rss / 1e6
    return figures


def baseline(folder: Path, some: Sequence[list[int]], told: Callable[[str], None]) -> Figures:
    """Measure Hugging Face `generate` in float32, as it is by default, on a folder in its layout."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    told("loading the baseline")
    model: Any = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False, local_files_only=True
    )

    def generate(ids: list[int], count: int) -> float:
        tensor = torch.tensor([ids])
        started = time.perf_counter()
        model.generate(
            tensor,
            attention_mask=torch.ones_like(tensor),
            max_new_tokens=count,
            min_new_tokens=count,
            do_sample=False,
            pad_token_id=0,
        )
        return time.perf_counter() - started

    figures: Figures = {}
    told("baseline: reading")
    generate(some[0][:16], 2)
    for size in PREFILL:
        figures[f"prefill_{size}"] = size / generate(some[0][:size], 1)
    told("baseline: writing")
    ids = some[1][:PROMPT]
    figures["decode_ms_plain"] = 1e3 * (generate(ids, 17) - generate(ids, 1)) / 16
    figures["cold_ms"] = 1e3 * generate(some[2][: PREFILL[-1] - 16], 16)
    return figures


def start_ms(sample: Path) -> float:
    """Return the ms from the start of a process to its first completion, warm; the better of two."""

    def once() -> float:
        started = time.perf_counter()
        command = [sys.executable, "-m", "slm_lsp", "complete", f"{sample}:1"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SlmLspError(f"`slm-lsp complete` failed: {done.stderr.strip().splitlines()[-1]}")
        return 1e3 * (time.perf_counter() - started)

    return min(once(), once())


def compare_output(
    plain: Engine, fast: Engine, some: Sequence[list[int]], advance: Callable[[], None]
) -> Iterator[str]:
    """Yield the name of each fast path whose output differs from plain decoding, for each prompt.

    The plain engine reads every prompt at once, reuses nothing and verifies no drafts.
    """
    for ids in some:
        usage = Usage()
        decoding = Decoding(16, drafts=Nothing())
        expected = [token.id for token in plain.generate(ids, decoding, CancelToken(), usage)]
        if usage.reused > 8:
            raise SlmLspError("the prompts are too much alike to compare; use another seed.")
        for part in (len(ids) // 3, len(ids) - 5):
            fast.prefill(ids[:part], CancelToken(), Usage())
        for name, written in (
            ("read ahead, with drafts", _written(fast, ids)),
            ("reused", _written(fast, ids)),
            ("branches", _branch(fast, ids)),
        ):
            if written != expected:
                yield name
        advance()


def random_model(shape: str, folder: Path) -> None:
    """Write a model of random weights in a known shape: int8 for us, float32 for the baseline.

    Raises:
        UsageError: the shape is not known.
    """
    import numpy as np
    import torch
    from safetensors.numpy import save_file
    from transformers import AutoModelForCausalLM, Qwen2Config

    from slm_lsp.models.quantise import fuse

    if shape not in SHAPES:
        raise UsageError(f"there is no shape {shape}; the shapes are {', '.join(SHAPES)}.")
    torch.manual_seed(0)
    make: Any = AutoModelForCausalLM.from_config
    model = make(Qwen2Config(**SHAPES[shape], max_position_embeddings=4096, tie_word_embeddings=True))
    model.save_pretrained(folder)
    tensors = ((name, one.numpy()) for name, one in model.state_dict().items() if name != "lm_head.weight")
    fused = {name: np.ascontiguousarray(one) for name, one in fuse(tensors).items()}
    save_file(fused, folder / "model.int8.safetensors")


def _texts() -> Iterator[str]:
    for name in SOURCES:
        spec = find_spec(name)
        if spec and spec.origin:
            yield Path(spec.origin).read_text(encoding="utf-8")


def _rate(engine: Engine, ids: list[int]) -> float:
    # A first token of its own, so that nothing of it has been read before.
    ids = [random.Random(time.perf_counter_ns()).randrange(300), *ids[1:]]
    started = time.perf_counter()
    engine.prefill(ids, CancelToken(), Usage())
    return len(ids) / (time.perf_counter() - started)


def _pass(engine: Engine, ids: list[int], rows: int) -> float:
    engine.prefill(ids[:-rows], CancelToken(), Usage())
    started = time.perf_counter()
    engine.prefill(ids, CancelToken(), Usage())
    return 1e3 * (time.perf_counter() - started)


def _completion(engine: Engine, ids: list[int]) -> float:
    started = time.perf_counter()
    _written(engine, ids)
    return 1e3 * (time.perf_counter() - started)


def _written(engine: Engine, ids: list[int]) -> list[int]:
    return [token.id for token in engine.generate(ids, Decoding(16), CancelToken(), Usage())]


def _branch(engine: Engine, ids: list[int]) -> list[int]:
    several = engine.generate_several(ids, 3, Decoding(16), CancelToken(), Usage(), set())
    return [token.id for branch, token in several if branch == 0]
