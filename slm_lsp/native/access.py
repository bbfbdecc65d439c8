"""Typed memory and what threads share, for kernels that are handed addresses."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_I64 = ir.IntType(64)


def _pointer(builder: Any, place: tuple[Any, Any], element: ir.Type) -> Any:
    address, index = place
    return builder.gep(builder.inttoptr(address, element.as_pointer()), [index])


def _loader(element: ir.Type, result: Any, extend: Callable[[Any, Any], Any] | None = None) -> Any:
    @intrinsic
    def load(typing: Any, address: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            value = builder.load(_pointer(builder, arguments, element))
            return extend(builder, value) if extend else value

        return result(types.int64, types.int64), generate

    return load


def _storer(element: ir.Type, argument: Any, narrow: Callable[[Any, Any], Any] | None = None) -> Any:
    @intrinsic
    def store(typing: Any, address: Any, index: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            address, index, value = arguments
            value = narrow(builder, value) if narrow else value
            builder.store(value, _pointer(builder, (address, index), element))
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, argument), generate

    return store


f32 = _loader(ir.FloatType(), types.float32)
f64 = _loader(ir.DoubleType(), types.float64)
i64 = _loader(_I64, types.int64)
u32 = _loader(ir.IntType(32), types.int64, lambda builder, value: builder.zext(value, _I64))
u16 = _loader(ir.IntType(16), types.int64, lambda builder, value: builder.zext(value, _I64))
i16 = _loader(ir.IntType(16), types.int64, lambda builder, value: builder.sext(value, _I64))
i8_as_f32 = _loader(
    ir.IntType(8), types.float32, lambda builder, value: builder.sitofp(value, ir.FloatType())
)
f16 = _loader(ir.HalfType(), types.float32, lambda builder, value: builder.fpext(value, ir.FloatType()))
bf16 = _loader(
    ir.IntType(16),
    types.float32,
    # A bfloat16 is the upper half of a float32.
    lambda builder, value: builder.bitcast(
        builder.shl(builder.zext(value, ir.IntType(32)), ir.IntType(32)(16)), ir.FloatType()
    ),
)
put_f32 = _storer(ir.FloatType(), types.float32)
put_i16 = _storer(ir.IntType(16), types.int32, lambda builder, value: builder.trunc(value, ir.IntType(16)))
put_half = _storer(ir.HalfType(), types.float32, lambda builder, value: builder.fptrunc(value, ir.HalfType()))
put_i64 = _storer(_I64, types.int64)
put_f64 = _storer(ir.DoubleType(), types.float64)


@intrinsic
def as_float(typing: Any, bits: Any) -> Any:
    """Take the bits of an int32 as a float32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


@intrinsic
def as_bits(typing: Any, value: Any) -> Any:
    """Take the bits of a float32 as an int32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), generate


@intrinsic
def nearest(typing: Any, value: Any) -> Any:
    """Round a float32 to the nearest whole number, halves to even."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.FloatType(), [ir.FloatType()])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.rint.f32"), arguments)

    return types.float32(types.float32), generate


@intrinsic
def whole(typing: Any, value: Any) -> Any:
    """Turn a float32 that is a whole number into an int32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fptosi(arguments[0], ir.IntType(32))

    return types.int32(types.float32), generate


@intrinsic
def fetch_add(typing: Any, address: Any, index: Any, amount: Any) -> Any:
    """Add to an int64 that threads share; return what it was."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, index, amount = arguments
        return builder.atomic_rmw("add", _pointer(builder, (address, index), _I64), amount, "seq_cst")

    return types.int64(types.int64, types.int64, types.int64), generate


@intrinsic
def fetch(typing: Any, address: Any, index: Any) -> Any:
    """Read an int64 that threads share."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(_pointer(builder, arguments, _I64), "seq_cst", 8)

    return types.int64(types.int64, types.int64), generate


@intrinsic
def publish(typing: Any, address: Any, index: Any, value: Any) -> Any:
    """Write an int64 that threads share."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, index, value = arguments
        builder.store_atomic(value, _pointer(builder, (address, index), _I64), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def pause(typing: Any) -> Any:
    """Tell the processor that this thread is waiting in a loop."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        processor = builder.module.triple.partition("-")[0]
        if processor in ("x86_64", "i686"):
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause"), [])
        elif processor in ("aarch64", "arm64"):
            kind = ir.FunctionType(ir.VoidType(), [ir.IntType(32)])
            hint = cgutils.get_or_insert_function(builder.module, kind, "llvm.aarch64.hint")
            builder.call(hint, [ir.Constant(ir.IntType(32), 1)])
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def give_way(typing: Any) -> Any:
    """Let another thread have this processor, if one wants it (POSIX `sched_yield`)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.IntType(32), [])
        builder.call(cgutils.get_or_insert_function(builder.module, kind, "sched_yield"), [])
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def prefetch(typing: Any, address: Any) -> Any:
    """Begin to fetch the memory at an address, which is read soon."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())
        function = builder.module.declare_intrinsic(
            "llvm.prefetch",
            (pointer.type,),
            ir.FunctionType(ir.VoidType(), [pointer.type, *[ir.IntType(32)] * 3]),
        )
        # For reading, as near as can be, as data.
        builder.call(function, [pointer, *(ir.IntType(32)(number) for number in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(types.int64), generate
