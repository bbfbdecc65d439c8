"""Compiles a function to an object file: numba to LLVM's language, llvmlite to machine code."""

import llvmlite.binding as llvm
from numba import types
from numba.core.dispatcher import Dispatcher


def emit(function: object, arguments: int, symbol: str, machine: llvm.TargetMachine) -> bytes:
    """Return an object file in which a function of some int64 (see `slm_lsp.native.jit`) is called `symbol`.

    It has the calling convention of numba's native functions: (address for the result, address for an
    exception, the arguments), returning 0.
    """
    assert isinstance(function, Dispatcher)
    signature = (types.int64,) * arguments
    function.compile(signature)
    compiled = function.overloads[signature]
    module = llvm.parse_assembly(
        function.inspect_llvm(signature).replace(compiled.fndesc.llvm_func_name, symbol)
    )
    # What wraps it for the interpreter needs symbols of numba's own: nothing but the function itself is kept.
    for one in module.functions:
        if not one.is_declaration:
            one.linkage = "external" if one.name == symbol else "internal"
    for variable in module.global_variables:
        if not variable.is_declaration:
            variable.linkage = "internal"
    manager = llvm.create_new_module_pass_manager()
    manager.add_global_dead_code_eliminate_pass()
    with llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options()) as passes:
        manager.run(module, passes)
    return bytes(machine.emit_object(module))
