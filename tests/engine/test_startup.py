"""What is left out of torch for a quick start is there again when transformers needs it."""

import subprocess
import sys

LEAN = """
import sys
import slm_lsp.engine.llama.engine
assert "sympy" not in sys.modules, "torch was imported whole"
assert "transformers" not in sys.modules
import slm_lsp.engine.hf
import torch
with torch.device("meta"):
    layer = torch.nn.Linear(3, 4)
    grid = torch.ops.aten._adaptive_avg_pool2d(torch.empty(1, 1, 4, 4), [2, 2])
assert layer.weight.is_meta and grid.shape == (1, 1, 2, 2)
"""


def test_the_lean_engine_imports_less_and_transformers_gets_the_whole() -> None:
    subprocess.run([sys.executable, "-c", LEAN], check=True)
