"""Mixing in machine code, written in Python.

Only `slm_lsp.engine.mixing` imports `mix`, and only to compile it (see `slm_lsp.native`).
"""
