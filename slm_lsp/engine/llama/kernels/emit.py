"""Compiles the kernels to an object file: numba to LLVM's language, llvmlite to machine code."""

import llvmlite.binding as llvm
from numba import types
from numba.core.dispatcher import Dispatcher

from slm_lsp.engine.llama.kernels.forward import join

_SIGNATURE = (types.int64, types.int64)


def emit(symbol: str, machine: llvm.TargetMachine) -> bytes:
    """Return an object file whose function `symbol` is `kernels.forward.join`.

    It has the calling convention of numba's native functions: (address for the result, address for an
    exception, plan, thread), returning 0.
    """
    assert isinstance(join, Dispatcher)
    join.compile(_SIGNATURE)
    compiled = join.overloads[_SIGNATURE]
    module = llvm.parse_assembly(
        join.inspect_llvm(_SIGNATURE).replace(compiled.fndesc.llvm_func_name, symbol)
    )
    # What wraps it for the interpreter needs symbols of numba's own: nothing but the function itself is kept.
    for function in module.functions:
        if not function.is_declaration:
            function.linkage = "external" if function.name == symbol else "internal"
    for variable in module.global_variables:
        if not variable.is_declaration:
            variable.linkage = "internal"
    manager = llvm.create_new_module_pass_manager()
    manager.add_global_dead_code_eliminate_pass()
    with llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()) as passes:
        manager.run(module, passes)
    return bytes(machine.emit_object(module))
