"""How the kernels are compiled."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def jit(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function to machine code without checks, reference counts or the interpreter's lock.

    Floating-point sums keep the order in which they are written: equal rows then give equal results, whatever
    batch they stand in.
    """
    return cast(
        Callable[P, R], numba.njit(nogil=True, error_model="numpy", boundscheck=False, _nrt=False)(function)
    )
