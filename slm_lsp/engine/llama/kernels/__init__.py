"""The forward pass in machine code, written in Python.

Only `slm_lsp.engine.llama.native` imports these modules, and only to compile them (see `slm_lsp.native`).
"""
