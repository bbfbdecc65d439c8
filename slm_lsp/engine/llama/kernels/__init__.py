"""The forward pass in machine code: written in Python, compiled once by numba, kept in the cache folder.

Only `slm_lsp.engine.llama.native` imports these modules, and only to compile them: loading what was compiled
takes llvmlite alone. Functions take addresses, not arrays, and allocate nothing.
"""
