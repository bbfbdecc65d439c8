"""Looking up in machine code, written in Python.

Only `slm_lsp.memory.lookup` imports these modules: `plan` always, the others to compile them (see
`slm_lsp.native`).
"""
