"""The inner loops of the matrix products, as vector code that LLVM turns into the machine's own.

A tile is some rows of the result times `WIDTH` columns, held in registers. Written for 16 registers of 256
bits (AVX2); LLVM splits or joins the vectors on other processors.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from slm_lsp.engine.llama.kernels.plan import TALLEST, WIDTH

_LANES = 8
_VECTORS = WIDTH // _LANES

_I64, _I32, _I16, _I8 = ir.IntType(64), ir.IntType(32), ir.IntType(16), ir.IntType(8)
_F32, _F16 = ir.FloatType(), ir.HalfType()
_SUMS = ir.VectorType(_I32, _LANES)
_FLOATS = ir.VectorType(_F32, _LANES)
_HALVES = ir.VectorType(_F16, _LANES)
_SHORTS = ir.VectorType(_I16, _LANES)
_PAIRS = ir.VectorType(_I16, 2 * _LANES)
_BYTES = ir.VectorType(_I8, 2 * _LANES)


class _Loop:
    """A counting loop in LLVM's terms, with values that go from one turn to the next."""

    def __init__(self, builder: Any, first: Any, last: Any, carried: list[Any]) -> None:
        self._builder = builder
        before = builder.block
        self._body = builder.append_basic_block("body")
        self._after = builder.append_basic_block("after")
        self._last = last
        builder.branch(self._body)
        builder.position_at_end(self._body)
        self.index = builder.phi(_I64)
        self.index.add_incoming(first, before)
        self.carried = [builder.phi(value.type) for value in carried]
        for phi, value in zip(self.carried, carried, strict=True):
            phi.add_incoming(value, before)

    def close(self, carried: list[Any]) -> list[Any]:
        """End the body; return the values that `carried` has after the last turn."""
        builder, end = self._builder, self._builder.block
        following = builder.add(self.index, _I64(1))
        self.index.add_incoming(following, end)
        for phi, value in zip(self.carried, carried, strict=True):
            phi.add_incoming(value, end)
        builder.cbranch(builder.icmp_signed("<", following, self._last), self._body, self._after)
        builder.position_at_end(self._after)
        return carried


def _load(builder: Any, address: Any, offset: Any, kind: ir.Type, align: int) -> Any:
    """Load from `offset` bytes after `address`."""
    pointer = builder.inttoptr(builder.add(address, offset), kind.as_pointer())
    return builder.load(pointer, align=align)


def _spread(builder: Any, value: Any) -> Any:
    """Fill a vector with one value."""
    kind = ir.VectorType(value.type, _LANES)
    empty = ir.Constant(kind, ir.Undefined)
    single = builder.insert_element(empty, value, _I32(0))
    return builder.shuffle_vector(single, empty, ir.Constant(_SUMS, [0] * _LANES))


def _multiply_add(builder: Any, x: Any, y: Any, z: Any) -> Any:
    """Compute x * y + z with a single rounding: sums must not depend on what LLVM would rather fuse."""
    kind = ir.FunctionType(_FLOATS, [_FLOATS] * 3)
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.fma.v8f32"), [x, y, z])


def _add_pair_products(builder: Any, total: Any, x: Any, y: Any) -> Any:
    """Add the products of neighbouring int16 to int32 sums (x86 has one instruction for it, `vpmaddwd`)."""
    wide = ir.VectorType(_I32, 2 * _LANES)
    product = builder.mul(builder.sext(x, wide), builder.sext(y, wide))
    empty = ir.Constant(wide, ir.Undefined)
    even = builder.shuffle_vector(product, empty, ir.Constant(_SUMS, [*range(0, 16, 2)]))
    odd = builder.shuffle_vector(product, empty, ir.Constant(_SUMS, [*range(1, 16, 2)]))
    return builder.add(total, builder.add(even, odd))


def _from_float32(builder: Any, address: Any, offset: Any) -> Any:
    return _load(builder, address, offset, _FLOATS, 4)


def _from_float16(builder: Any, address: Any, offset: Any) -> Any:
    return builder.fpext(_load(builder, address, offset, _HALVES, 2), _FLOATS)


def _from_bfloat16(builder: Any, address: Any, offset: Any) -> Any:
    # A bfloat16 is the upper half of a float32.
    bits = builder.zext(_load(builder, address, offset, _SHORTS, 2), _SUMS)
    return builder.bitcast(builder.shl(bits, ir.Constant(_SUMS, [16] * _LANES)), _FLOATS)


def _bytes(builder: Any, weight: Any, pair: Any) -> list[Any]:
    """Load the weights of two neighbouring inputs, int8 [WIDTH, 2], as vectors of int16."""
    places = [
        builder.mul(builder.add(builder.mul(pair, _I64(_VECTORS)), _I64(column)), _I64(16))
        for column in range(_VECTORS)
    ]
    return [builder.sext(_load(builder, weight, place, _BYTES, 16), _PAIRS) for place in places]


def _nibbles(builder: Any, weight: Any, pair: Any) -> list[Any]:
    """The same of int4: a byte's lower half is of the first vector, its upper half of the second."""
    both = builder.sext(_load(builder, weight, builder.mul(pair, _I64(16)), _BYTES, 16), _PAIRS)
    high, top = (ir.Constant(_PAIRS, [bits] * 2 * _LANES) for bits in (4, 12))
    return [builder.ashr(builder.shl(both, top), top), builder.ashr(both, high)]


def _int_tile(rows: int, halves: bool) -> Any:
    """Make a tile of int8 weights, or with `halves` of int4."""

    @intrinsic
    def tile(
        typing: Any,
        x: Any,
        x_step: Any,
        weight: Any,
        scale: Any,
        groups: Any,
        pairs: Any,
        x_scale: Any,
        x_sums: Any,
        y: Any,
        y_step: Any,
        add: Any,
    ) -> Any:
        """Y = X W^T for `rows` rows of X, int16 with a scale each, and a panel of W.

        `x_step` and `y_step` are bytes from row to row. The panel is int8 [groups * pairs, WIDTH, 2], with
        float32 scales [groups, WIDTH]; integer sums run over a group, float sums over groups in their order.
        Of int4 it is bytes [groups * pairs, WIDTH], with float16 [groups, 2, WIDTH]: scales, and what is to
        be added to each weight, for which `x_sums` has the sums of X, float32 [rows, groups]. With `add` the
        result is added to Y.
        """

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            x, x_step, weight, scale, groups, pairs, x_scale, x_sums, y, y_step, add = arguments
            at = [builder.add(x, builder.mul(x_step, _I64(row))) for row in range(rows)]
            cells = [(row, column) for row in range(rows) for column in range(_VECTORS)]
            zero = ir.Constant(_FLOATS, [0.0] * _LANES)
            outer = _Loop(builder, _I64(0), groups, [zero] * len(cells))
            first = builder.mul(outer.index, pairs)
            inner = _Loop(
                builder, first, builder.add(first, pairs), [ir.Constant(_SUMS, [0] * _LANES)] * len(cells)
            )
            weights = (_nibbles if halves else _bytes)(builder, weight, inner.index)
            sums = []
            for row in range(rows):
                pair = _load(builder, at[row], builder.mul(inner.index, _I64(4)), _I32, 4)
                spread = builder.bitcast(_spread(builder, pair), _PAIRS)
                sums += [
                    _add_pair_products(
                        builder, inner.carried[row * _VECTORS + column], spread, weights[column]
                    )
                    for column in range(_VECTORS)
                ]
            sums = inner.close(sums)
            kinds, size = (2, 16) if halves else (1, 32)
            load = _from_float16 if halves else _from_float32
            steps = []
            for column in range(kinds * _VECTORS):
                vector = builder.add(builder.mul(outer.index, _I64(kinds * _VECTORS)), _I64(column))
                steps.append(load(builder, scale, builder.mul(vector, _I64(size))))
            totals = []
            for (row, column), total, exact in zip(cells, outer.carried, sums, strict=True):
                total = _multiply_add(builder, builder.sitofp(exact, _FLOATS), steps[column], total)
                if halves:
                    group = builder.add(builder.mul(groups, _I64(row)), outer.index)
                    sum_ = _spread(builder, _load(builder, x_sums, builder.mul(group, _I64(4)), _F32, 4))
                    total = _multiply_add(builder, sum_, steps[_VECTORS + column], total)
                totals.append(total)
            totals = outer.close(totals)
            scales = [
                _spread(builder, _load(builder, x_scale, _I64(4 * row), _F32, 4)) for row in range(rows)
            ]
            _write(
                builder,
                [builder.fmul(total, scales[row]) for (row, _), total in zip(cells, totals, strict=True)],
                cells,
                y,
                y_step,
                add,
            )
            return context.get_dummy_value()

        return types.void(*[types.int64] * 11), generate

    return tile


def _float_tile(rows: int, size: int, load: Any) -> Any:
    @intrinsic
    def tile(
        typing: Any,
        x: Any,
        x_step: Any,
        panel: Any,
        panel_step: Any,
        count: Any,
        y: Any,
        y_step: Any,
        add: Any,
    ) -> Any:
        """Y = X P for `rows` rows of X, float32 [rows, count], and P, numbers of `size` bytes [count, WIDTH].

        Steps are bytes from row to row. Each sum runs in the order of `count`, after what Y holds if `add`.
        """

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            x, x_step, panel, panel_step, count, y, y_step, add = arguments
            at = [builder.add(x, builder.mul(x_step, _I64(row))) for row in range(rows)]
            cells = [(row, column) for row in range(rows) for column in range(_VECTORS)]
            loop = _Loop(builder, _I64(0), count, _read(builder, cells, y, y_step, add))
            line = builder.mul(loop.index, panel_step)
            columns = [
                load(builder, panel, builder.add(line, _I64(size * _LANES * column)))
                for column in range(_VECTORS)
            ]
            totals = []
            for row in range(rows):
                value = _spread(builder, _load(builder, at[row], builder.mul(loop.index, _I64(4)), _F32, 4))
                totals += [
                    _multiply_add(builder, value, columns[column], loop.carried[row * _VECTORS + column])
                    for column in range(_VECTORS)
                ]
            _write(builder, loop.close(totals), cells, y, y_step, None)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 8), generate

    return tile


def _place(builder: Any, cell: tuple[int, int], y: Any, y_step: Any) -> Any:
    row, column = cell
    address = builder.add(builder.add(y, builder.mul(y_step, _I64(row))), _I64(4 * _LANES * column))
    return builder.inttoptr(address, _FLOATS.as_pointer())


def _read(builder: Any, cells: list[tuple[int, int]], y: Any, y_step: Any, wanted: Any) -> list[Any]:
    """Read a tile's values where `wanted` is not 0; zeros elsewhere."""
    zero = ir.Constant(_FLOATS, [0.0] * _LANES)
    held = [cgutils.alloca_once_value(builder, zero) for _ in cells]
    with builder.if_then(builder.icmp_signed("!=", wanted, _I64(0))):
        for cell, place in zip(cells, held, strict=True):
            builder.store(builder.load(_place(builder, cell, y, y_step), align=4), place)
    return [builder.load(place) for place in held]


def _write(
    builder: Any, values: list[Any], cells: list[tuple[int, int]], y: Any, y_step: Any, add: Any
) -> None:
    before = _read(builder, cells, y, y_step, add) if add is not None else None
    for index, (cell, value) in enumerate(zip(cells, values, strict=True)):
        if before:
            value = builder.fadd(value, before[index])
        builder.store(value, _place(builder, cell, y, y_step), align=4)


_HEIGHTS = range(1, TALLEST + 1)

INT8_TILES = tuple(_int_tile(rows, halves=False) for rows in _HEIGHTS)
INT4_TILES = tuple(_int_tile(rows, halves=True) for rows in _HEIGHTS)
FLOAT32_TILES = tuple(_float_tile(rows, 4, _from_float32) for rows in _HEIGHTS)
BFLOAT16_TILES = tuple(_float_tile(rows, 2, _from_bfloat16) for rows in _HEIGHTS)
FLOAT16_TILES = tuple(_float_tile(rows, 2, _from_float16) for rows in _HEIGHTS)
"""Tiles of 1 to `TALLEST` rows."""


def _reduction(step: Any, join: Any, start: float) -> Any:
    """Make a reduction of float32 values, a multiple of `WIDTH` many, in a fixed order."""

    @intrinsic
    def reduce(typing: Any, address: Any, count: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            address, count = arguments
            first = ir.Constant(_FLOATS, [start] * _LANES)
            loop = _Loop(builder, _I64(0), builder.sdiv(count, _I64(WIDTH)), [first] * _VECTORS)
            totals = []
            for vector, total in enumerate(loop.carried):
                offset = builder.add(builder.mul(loop.index, _I64(4 * WIDTH)), _I64(4 * _LANES * vector))
                totals.append(step(builder, total, _load(builder, address, offset, _FLOATS, 4)))
            one, other = loop.close(totals)
            whole = join(builder, one, other)
            result = builder.extract_element(whole, _I32(0))
            for lane in range(1, _LANES):
                result = join(builder, result, builder.extract_element(whole, _I32(lane)))
            return result

        return types.float32(types.int64, types.int64), generate

    return reduce


def _plus(builder: Any, x: Any, y: Any) -> Any:
    return builder.fadd(x, y)


def _larger(builder: Any, x: Any, y: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", x, y), x, y)


def _magnitude(builder: Any, x: Any) -> Any:
    bits = builder.bitcast(x, _SUMS)
    return builder.bitcast(builder.and_(bits, ir.Constant(_SUMS, [0x7FFFFFFF] * _LANES)), _FLOATS)


total_of = _reduction(_plus, _plus, 0.0)
"""The sum of float32 values: (address, count)."""

total_of_squares = _reduction(lambda builder, total, x: _multiply_add(builder, x, x, total), _plus, 0.0)
"""The sum of the squares of float32 values: (address, count)."""

largest = _reduction(_larger, _larger, float("-inf"))
"""The largest of float32 values: (address, count)."""

largest_magnitude = _reduction(
    lambda builder, most, x: _larger(builder, most, _magnitude(builder, x)), _larger, 0.0
)
"""The largest magnitude of float32 values: (address, count)."""
