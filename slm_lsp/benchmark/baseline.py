"""Hugging Face's own `generate` in float32, as it is by default."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from slm_lsp.benchmark.fidelity import First
from slm_lsp.benchmark.race import Timed

MOST = 12
"""Tokens that it writes after a prompt: it takes its time."""


class HuggingFace:
    """A transformers model on the CPU; a runner (see `slm_lsp.benchmark.race`)."""

    def __init__(self, model: Any, threads: int) -> None:
        """Take an instance of `AutoModelForCausalLM`."""
        import torch

        torch.set_num_threads(threads)
        self._model = model.eval()
        self._model.generation_config.eos_token_id = None
        self.complete(range(16), 2)

    @classmethod
    def load(cls, folder: Path, threads: int) -> "HuggingFace":
        """Load a folder in Hugging Face layout."""
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        from_pretrained: Any = AutoModelForCausalLM.from_pretrained
        model = from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False, local_files_only=True
        )
        return cls(model, threads)

    @classmethod
    def random(cls, config: Mapping[str, Any], threads: int) -> "HuggingFace":
        """Make a model of random weights with the fields of a `config.json`."""
        import torch
        from transformers import AutoConfig, AutoModelForCausalLM

        make: Any = AutoModelForCausalLM
        return cls(make.from_config(AutoConfig.for_model(**config), dtype=torch.float32), threads)

    def complete(self, prompt: Sequence[int], count: int) -> Timed:
        """See `slm_lsp.benchmark.race.Runner`; of many tokens it writes `MOST`, and the rest is reckoned."""
        import torch

        ids, clock, some = torch.tensor([[*prompt]]), _Clock(), min(count, MOST)
        started = time.perf_counter()
        self._model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=some,
            min_new_tokens=some,
            do_sample=False,
            pad_token_id=0,
            streamer=clock,
        )
        # The first time is that of the prompt itself, which is handed over before it is read.
        first, last = clock.times[1], clock.times[-1]
        written = (last - first) * (count - 1) / max(1, some - 1)
        return Timed(first - started, written, written)

    def firsts(self, prompt: Sequence[int]) -> list[First]:
        """Return the first choice after each token of a prompt (see `slm_lsp.benchmark.fidelity`)."""
        import torch

        with torch.inference_mode():
            logprobs = self._model(torch.tensor([[*prompt]])).logits[0].log_softmax(-1)
        best = logprobs.max(-1)
        return list(zip(best.indices.tolist(), best.values.tolist(), strict=True))


class _Clock:
    """Takes the time of every token that `generate` hands over."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def put(self, _tokens: Any) -> None:
        self.times.append(time.perf_counter())

    def end(self) -> None:
        """Nothing has to be done."""
