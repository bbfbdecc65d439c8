"""The embedded model in float32: our pass and transformers' own, side by side over a real file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from slm_lsp.cancel import CancelToken
from slm_lsp.engine.interface import Decoding, Usage
from slm_lsp.engine.llama import native, weights
from slm_lsp.engine.llama.engine import load
from slm_lsp.engine.llama.plan import ROWS
from slm_lsp.engine.llama.runner import Runner
from slm_lsp.engine.llama.shape import Shape
from slm_lsp.models import convert, folders, store
from slm_lsp.models.known import EMBEDDED
from slm_lsp.tokens.vocabulary import Vocabulary

pytestmark = pytest.mark.model

FILE = Path(__file__).parent.parent / "samples" / "ledger.py"

WRITTEN = 32


def _told(_done: float, _what: str) -> None:
    pass


def test_float32_is_what_transformers_computes_over_a_real_file(tmp_path: Path) -> None:
    gguf = store.source(EMBEDDED)
    lean, dense = tmp_path / "lean", tmp_path / "dense"
    lean.mkdir()
    dense.mkdir()
    convert.write_dense(gguf, dense, _told)
    folders.write_lean(dense, lean, "float32", _told)
    ids = Vocabulary.load(dense).encode(FILE.read_text(encoding="utf-8"))
    assert len(ids) > 2 * ROWS
    from_pretrained: Any = AutoModelForCausalLM.from_pretrained
    theirs = from_pretrained(dense, dtype=torch.float32, use_safetensors=True)
    with torch.inference_mode():
        expected = theirs(torch.tensor([ids])).logits[0].numpy()

    shape, path = Shape.read(lean), weights.find(lean)
    assert path
    runner = Runner(shape, weights.read(path, shape, _told), native.kernels(_told), 2, 16)
    try:
        sequence = runner.cache.open(ids)
        for start in range(0, len(ids), ROWS):
            chunk, wanted = ids[start : start + ROWS], expected[start : start + ROWS]
            outlooks = runner.extend([(sequence, chunk)], len(chunk), CancelToken())
            found = np.stack([outlook.logits for outlook in outlooks])
            sequence.tokens.extend(chunk)
            assert np.abs(found - wanted).max() < 1e-3
            assert found.argmax(-1).tolist() == wanted.argmax(-1).tolist()
    finally:
        runner.close()

    engine = load(lean, 2, 16, _told)
    try:
        for length in (64, len(ids)):
            written = engine.generate(ids[:length], Decoding(WRITTEN), CancelToken(), Usage())
            own = [token.id for token in written]
            whole = theirs.generate(
                torch.tensor([ids[:length]]), max_new_tokens=WRITTEN, min_new_tokens=WRITTEN, do_sample=False
            )
            assert own == whole[0, length:].tolist()
    finally:
        engine.close()
