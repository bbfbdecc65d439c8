"""Python functions as machine code: compiled by numba where they change, kept in the cache folder.

Functions take addresses, not arrays, and allocate nothing. `jit`, `access` and `emit` are imported to compile
alone: loading what was compiled takes llvmlite.
"""
