"""Importing torch in two thirds of the time.

`import torch` ends with the shapes of every operator for tensors without data (`torch._meta_registrations`),
which bring in the tracer and sympy. Serving a model makes no such tensor; transformers, loading one, does.
"""

import sys
from importlib import import_module
from types import ModuleType

_SLOW = "torch._meta_registrations"


def import_less() -> None:
    """Leave that module out when torch is imported, if it has not been yet."""
    if "torch" not in sys.modules:
        sys.modules[_SLOW] = ModuleType(_SLOW)


def import_whole() -> None:
    """Import torch with all that belongs to it, whatever was left out before."""
    import torch  # noqa: F401

    if sys.modules[_SLOW].__spec__ is None:
        del sys.modules[_SLOW]
        import_module(_SLOW)
