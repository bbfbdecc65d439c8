"""A frozen causal language model with LoRA on its linear layers and its layout's special tokens trained."""

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - the field's own name

from slm_lsp.errors import ModelInvalid
from slm_lsp.models.adapter import EMBEDDING, FINGERPRINT, Adapter
from slm_lsp.tuning.dataset import Batch
from slm_lsp.tuning.layout import Layout
from slm_lsp.tuning.lean import LeanBody, can_be_lean, token_losses

PREFIX_WEIGHT = 0.4
"""Weight of a prefix token's loss beside a middle token's 1: with the suffix in front, every token of the
prefix learns to head for it, but the middle and the end are what is asked for."""

END_WEIGHT = 2.0
"""Weight of the end token's loss: it is one token in a hundred, and not stopping is the known failure of
infilling models (Bavarian et al. 2022, section 4)."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Sums over a batch: `total` is weighted and has a gradient, the others are for reports, in nats."""

    total: Tensor
    weight: float
    prefix: float
    prefix_tokens: int
    middle: float
    middle_tokens: int
    end: float
    end_tokens: int


@dataclass(frozen=True, slots=True)
class Middle:
    """One middle's tokens, without the token that ends it: losses in nats [n], first choices right [n]."""

    nats: NDArray[np.float64]
    right: NDArray[np.bool_]


class Tuned:
    """The model, its LoRA layers and the change of the special tokens' embeddings.

    Embeddings are tied in most small models, so the change counts both where a special token is read and
    where it is written. `products` is the type in which matrices are multiplied where that can be chosen.
    """

    def __init__(
        self, model: Any, rank: int, layout: Layout, seed: int, products: torch.dtype = torch.float32
    ) -> None:
        from peft import LoraConfig, get_peft_model

        torch.manual_seed(seed)
        config = LoraConfig(r=rank, lora_alpha=rank, target_modules="all-linear", bias="none")
        if layout.trained and not model.config.tie_word_embeddings:
            raise ModelInvalid(
                "the model's embeddings are not tied, and it has no fill-in-the-middle tokens of its own."
            )
        with warnings.catch_warnings():
            # peft asks transformers for a property by its old name.
            warnings.simplefilter("ignore", FutureWarning)
            self._peft = get_peft_model(model, config)
        self._base = model
        lean = can_be_lean(model.config)
        self._body: nn.Module = LeanBody(model.model, products) if lean else _Body(model.model)
        self._embedding: nn.Module = model.get_input_embeddings()
        self._table: Tensor = model.get_input_embeddings().weight
        self._head: Tensor = model.get_output_embeddings().weight
        self.layout = layout
        self._end = layout.end
        self._special = torch.tensor(layout.trained, dtype=torch.int64)
        self._rows = nn.Parameter(_first_change(self._table, self._special, layout.end))

    def trained(self) -> Iterator[tuple[str, nn.Parameter]]:
        """Yield the trained parameters with their names."""
        for name, parameter in self._peft.named_parameters():
            if parameter.requires_grad:
                yield name, parameter
        yield "rows", self._rows

    def take(self, adapter: Adapter) -> None:
        """Begin where an adapter of the same base and rank ended.

        Raises:
            ModelInvalid: it is another model's, or of another rank.
        """
        adapter.check(self.base_tensors(FINGERPRINT))
        tensors = {name: torch.from_numpy(value) for name, value in adapter.tensors.items()}
        with torch.no_grad():
            for name, module in self._lora_modules():
                low, high = module.lora_A["default"].weight, module.lora_B["default"].weight
                if tensors[f"{name}.lora_A"].shape != low.shape:
                    raise ModelInvalid(f"the adapter has rank {adapter.about.rank}; train with that rank.")
                low.copy_(tensors[f"{name}.lora_A"])
                high.copy_(tensors[f"{name}.lora_B"] / module.scaling["default"])
            self._rows.copy_(tensors[f"{EMBEDDING}.rows"] - self._table[self._special])

    def base_tensors(self, names: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        """Return tensors of the frozen model by the names that transformers gives them."""
        modules = dict(self._base.named_modules())
        tensors = {}
        for name in names:
            module: Any = modules[name.removesuffix(".weight")]
            tensors[name] = getattr(module, "base_layer", module).weight.detach().numpy()
        return tensors

    def adapter_tensors(self) -> dict[str, NDArray[Any]]:
        """Return what was trained as `slm_lsp.models.adapter` lays it out."""
        tensors: dict[str, NDArray[Any]] = {}
        for name, module in self._lora_modules():
            high = module.lora_B["default"].weight * module.scaling["default"]
            tensors[f"{name}.lora_A"] = module.lora_A["default"].weight.detach().half().numpy()
            tensors[f"{name}.lora_B"] = high.detach().half().numpy()
        rows = self._table[self._special] + self._rows
        tensors[f"{EMBEDDING}.rows"] = rows.detach().numpy()
        return tensors

    def loss(self, batch: Batch) -> Loss:
        """Return the loss of a batch.

        No attention mask: rows are padded on the right, and under a causal mask no token sees the padding.
        """
        ids = torch.from_numpy(batch.ids)
        hidden = self._body(self._embed(ids))
        length = torch.from_numpy(batch.length)[:, None]
        at = torch.arange(1, ids.shape[1])[None]
        middle = (at >= torch.from_numpy(batch.middle_at)[:, None]) & (at < length)
        # The first token of a prefix can't be known.
        scored = (at > torch.from_numpy(batch.prefix_at)[:, None]) & (at < length) | middle
        targets = ids[:, 1:][scored]
        is_middle, is_end = middle[scored], targets == self._end
        weights = torch.where(is_middle, 1.0, PREFIX_WEIGHT) * torch.where(is_end, END_WEIGHT, 1.0)
        total, detached = token_losses(
            hidden[:, :-1][scored], self._head, self._rows, self._special, targets, weights
        )
        text = is_middle & ~is_end
        return Loss(
            total,
            float(weights.sum()),
            float(detached[~is_middle].sum()),
            int((~is_middle).sum()),
            float(detached[text].sum()),
            int(text.sum()),
            float(detached[is_end].sum()),
            int(is_end.sum()),
        )

    @torch.inference_mode()
    def middles(self, batch: Batch, untuned: bool = False) -> list[Middle]:
        """Return how well the model knows each middle of a batch.

        `untuned`, before any training, is the model as it is without an adapter: it is asked in its own
        format, which is the prefix alone if the layout had to give it markers.
        """
        if untuned and self.layout.trained:
            batch = _without_suffix(batch)
        ids = torch.from_numpy(batch.ids)
        hidden = self._body(self._embedding(ids) if untuned else self._embed(ids))
        found = []
        for row, (at, end) in enumerate(zip(batch.middle_at, batch.length, strict=True)):
            target = ids[row, at:end]
            target = target[target != self._end]
            some = hidden[row, at - 1 : at - 1 + len(target)]
            logits = some @ self._head.T
            if not untuned:
                logits.index_add_(1, self._special, some @ self._rows.T)
            nats = F.cross_entropy(logits, target, reduction="none")
            found.append(Middle(nats.double().numpy(), (logits.argmax(-1) == target).numpy()))
        return found

    def _lora_modules(self) -> Iterator[tuple[str, Any]]:
        return ((name, one) for name, one in self._base.named_modules() if hasattr(one, "lora_A"))

    def _embed(self, ids: Tensor) -> Tensor:
        embedded: Tensor = self._embedding(ids)
        for row, id in enumerate(self._special.tolist()):
            embedded = embedded + (ids == id)[..., None] * self._rows[row]
        return embedded


class _Body(nn.Module):
    """The layers of any other model, as transformers runs them."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self._model = [model]  # in a list, so that its parameters are not registered twice

    def forward(self, embedded: Tensor) -> Tensor:
        hidden: Tensor = self._model[0](inputs_embeds=embedded, use_cache=False).last_hidden_state
        return hidden


def _without_suffix(batch: Batch) -> Batch:
    """Return a batch whose rows begin with their prefixes, as a model that knows no markers is asked."""
    length = batch.length - batch.prefix_at
    ids = np.zeros((len(length), int(length.max())), dtype=np.int64)
    for row, (start, end) in enumerate(zip(batch.prefix_at, batch.length, strict=True)):
        ids[row, : end - start] = batch.ids[row, start:end]
    return Batch(ids, np.zeros_like(length), batch.middle_at - batch.prefix_at, length)


def load_base(folder: Path) -> Any:
    """Load a model folder in Hugging Face layout in float32; nothing but safetensors is read."""
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # the run has a bar of its own
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, use_safetensors=True, trust_remote_code=False, local_files_only=True
    )
    model.requires_grad_(False)
    return model


def _first_change(embeddings: Tensor, special: Tensor, end: int) -> Tensor:
    """Return the change that makes the special tokens start as the one that parts documents, and not quite
    alike.

    The prefix then begins, to the untuned model, as a new text after the suffix.
    """
    generator = torch.Generator().manual_seed(0)
    noise = 0.02 * torch.randn(len(special), embeddings.shape[1], generator=generator)
    change = embeddings[end].detach() - embeddings[special].detach() + noise
    return torch.where((special == end)[:, None], 0.0, change)
