"""What followed the last tokens: at the places with the longest matches, and at those with shorter ones."""

import math

from slm_lsp.memory.kernels import plan as at
from slm_lsp.native.access import f64, i16, i64, prefetch, put_f64, put_i16, put_i64, u16, u32
from slm_lsp.native.jit import jit


@jit
def recall(plan: int) -> int:
    """Find what followed, for each voice of the plan; return how many tokens are told."""
    shares, told = i64(plan, at.SHARES), 0
    for number in range(at.VOICES * at.MOST):
        put_f64(shares, number, 0.0)
    bits = mark(plan)
    for kind in range(at.KINDS):
        look(plan, kind, bits)
        told = tell(plan, kind, at.LONG, told)
        told = tell(plan, kind + at.KINDS, at.WIDE, told)
    unmark(plan)
    return told


@jit
def source_of(plan: int, number: int) -> int:
    """Return the address of what is said of a source."""
    return plan + 8 * (at.SOURCES_AT + number * at.PER_SOURCE)


@jit
def ranges_of(plan: int, number: int) -> int:
    """Return the address of the places with each length of match in a source."""
    return i64(plan, at.SCRATCH) + 8 * (at.RANGES + number * at.PER_RANGES)


@jit
def token_at(source: int, text: int, place: int) -> int:
    """Return a token of one of a source's texts."""
    return u16(text, place) if i64(source, at.WIDTH) == 2 else u32(text, place)


@jit
def length_of(number: int) -> int:
    """Return how many binary digits a number has."""
    digits = 0
    while number > 0:
        number >>= 1
        digits += 1
    return digits


@jit
def mark(plan: int) -> int:
    """Number the different tokens of the window; return the sum of the bits that they say.

    A token says more the rarer it is: as many bits as its count has fewer digits than that of all tokens.
    """
    context, count, marks = i64(plan, at.CONTEXT), i64(plan, at.COUNT), i64(plan, at.MARKS)
    bits, found, total = i64(plan, at.SCRATCH) + 8 * at.BITS, 0, 0
    vocabulary = i64(plan, at.VOCABULARY)
    for place in range(max(0, count - at.WINDOW), count):
        token = i64(context, place)
        if token >= vocabulary or i16(marks, token):
            continue
        all_, own = 1, 1
        for number in range(i64(plan, at.SOURCES)):
            heads = i64(source_of(plan, number), at.HEADS)
            all_ += u32(heads, vocabulary)
            own += u32(heads, token + 1) - u32(heads, token)
        said = length_of(all_) - length_of(own)
        put_i64(bits, found, said)
        total += said
        found += 1
        put_i16(marks, token, found)
    return total


@jit
def unmark(plan: int) -> None:
    """Leave the table of marks as it was."""
    context, count, marks = i64(plan, at.CONTEXT), i64(plan, at.COUNT), i64(plan, at.MARKS)
    for place in range(max(0, count - at.WINDOW), count):
        if i64(context, place) < i64(plan, at.VOCABULARY):
            put_i16(marks, i64(context, place), 0)


@jit
def narrow(plan: int, number: int) -> None:
    """Find the places with each length of match in a source, by bisection within those with a shorter one."""
    source, ranges = source_of(plan, number), ranges_of(plan, number)
    text, order = i64(source, at.TEXT), i64(source, at.ORDER)
    context, count = i64(plan, at.CONTEXT), i64(plan, at.COUNT)
    for at_ in range(at.PER_RANGES):
        put_i64(ranges, at_, 0)
    token = i64(context, count - 1) if count else i64(plan, at.VOCABULARY)
    if token >= i64(plan, at.VOCABULARY):
        return
    heads = i64(source, at.HEADS)
    first, last = u32(heads, token), u32(heads, token + 1)
    length = 1
    while first < last:
        put_i64(ranges, 2 * length, first)
        put_i64(ranges, 2 * length + 1, last)
        if length == min(count, at.LONGEST):
            return
        token = i64(context, count - 1 - length)
        start, end = first, last
        while start < end:
            middle = (start + end) // 2
            if token_at(source, text, u32(order, middle) + length) < token:
                start = middle + 1
            else:
                end = middle
        first, end = start, last
        while start < end:
            middle = (start + end) // 2
            if token_at(source, text, u32(order, middle) + length) <= token:
                start = middle + 1
            else:
                end = middle
        last = start
        length += 1


@jit
def counted(source: int, place: int) -> float:
    """Return what the file counts that a place of the text is in."""
    starts, before = i64(source, at.STARTS), i64(source, at.LENGTH) - place
    first, last = 0, i64(source, at.FILES)
    while first < last:
        middle = (first + last) // 2
        if i64(starts, middle) <= before:
            first = middle + 1
        else:
            last = middle
    return f64(i64(source, at.COUNTED), first - 1)


@jit
def alike(plan: int, source: int, place: int, bits: int) -> int:
    """Return which part of the window's bits is said before a place as well, in `STEPS`."""
    marks, said = i64(plan, at.MARKS), i64(plan, at.SCRATCH) + 8 * at.BITS
    text, vocabulary, seen, found = i64(source, at.TEXT), i64(plan, at.VOCABULARY), 0, 0
    for step in range(at.WINDOW):
        token = token_at(source, text, place + step)
        if token >= vocabulary:
            break  # its file begins there
        number = i16(marks, token)
        if number and not seen >> number & 1:
            seen |= 1 << number
            found += i64(said, number - 1)
    return found * at.STEPS // max(1, bits)


@jit
def is_allowed(plan: int, token: int) -> bool:
    """Whether a token is one of those that are told of."""
    count = i64(plan, at.ALLOWED_COUNT)
    if count < 0:
        return True
    allowed, first, last = i64(plan, at.ALLOWED), 0, count
    while first < last:
        middle = (first + last) // 2
        if i64(allowed, middle) < token:
            first = middle + 1
        else:
            last = middle
    return first < count and i64(allowed, first) == token


@jit
def look(plan: int, kind: int, bits: int) -> None:
    """Look at places of a kind of source, those with longer matches first, until there is no more room."""
    sources, state = i64(plan, at.SOURCES), i64(plan, at.SCRATCH)
    for number in range(at.BITS):
        put_i64(state, number, 0)
    put_i64(state, at.LEFT, i64(plan, at.ROOM))
    for number in range(sources):
        if i64(source_of(plan, number), at.KIND) == kind:
            narrow(plan, number)
    for length in range(at.LONGEST, 0, -1):
        around, left = 0, i64(state, at.LEFT)
        for number in range(sources):
            if i64(source_of(plan, number), at.KIND) == kind:
                ranges = ranges_of(plan, number) + 16 * length
                around += i64(ranges, 1) - i64(ranges, 0) - i64(ranges, 3) + i64(ranges, 2)
        if around == 0 or left <= 0:
            continue
        step = max(1, -(-around // left))
        for number in range(sources):
            if i64(source_of(plan, number), at.KIND) == kind:
                ranges = ranges_of(plan, number) + 16 * length
                low, high = i64(ranges, 0), i64(ranges, 1)
                inner_low, inner_high = i64(ranges, 2), i64(ranges, 3)
                if inner_low == inner_high:
                    inner_low = inner_high = high
                weigh(plan, number, low, inner_low, step, length, bits)
                weigh(plan, number, inner_high, high, step, length, bits)


@jit
def weigh(plan: int, number: int, low: int, high: int, step: int, length: int, bits: int) -> None:
    """Count every `step`-th place of a source's order, where as many last tokens match."""
    source, state = source_of(plan, number), i64(plan, at.SCRATCH)
    order, text, width = i64(source, at.ORDER), i64(source, at.TEXT), i64(source, at.WIDTH)
    alike_, shorter = i64(plan, at.ALIKE), i64(plan, at.SHORTER)
    for here in range(low, high, step):
        prefetch(text + u32(order, here) * width)
    for here in range(low, high, step):
        token = token_at(source, i64(source, at.FOLLOWING), here)
        if not is_allowed(plan, token):
            continue
        place = u32(order, here)
        weight = counted(source, place) * step
        if weight == 0:
            continue
        near, one = alike(plan, source, place, bits), slot_of(plan, token)
        longest = max(i64(state, at.REACHED), length)
        put_i64(state, at.REACHED, longest)
        put_i64(state, at.LEFT, i64(state, at.LEFT) - 1)
        put_f64(state, at.ALL_PLACES, f64(state, at.ALL_PLACES) + weight)
        wide = weight * f64(alike_, near) * f64(shorter, longest - length)
        put_f64(one, at.WIDE, f64(one, at.WIDE) + wide)
        if length == longest:
            put_f64(state, at.LONG_PLACES, f64(state, at.LONG_PLACES) + weight)
            put_i64(state, at.NEAREST, max(i64(state, at.NEAREST), near))
            put_f64(one, at.LONG, f64(one, at.LONG) + weight)
            if near >= i64(one, at.BEST):
                put_i64(one, at.BEST, near)
                put_i64(one, at.BEST_SOURCE, number)
                put_i64(one, at.BEST_AT, here)


@jit
def slot_of(plan: int, token: int) -> int:
    """Return the address of what is counted of a token."""
    slots, state = i64(plan, at.SLOTS), i64(plan, at.SCRATCH)
    table, slot = ranges_of(plan, i64(plan, at.SOURCES)), i16(slots, token) - 1
    if slot < 0:
        slot = i64(state, at.SLOTS_USED)
        put_i64(state, at.SLOTS_USED, slot + 1)
        put_i16(slots, token, slot + 1)
        one = table + 8 * slot * at.PER_SLOT
        put_i64(one, at.TOKEN, token)
        put_f64(one, at.LONG, 0.0)
        put_f64(one, at.WIDE, 0.0)
        put_i64(one, at.BEST, -1)
    return table + 8 * slot * at.PER_SLOT


@jit
def tell(plan: int, voice: int, column: int, told: int) -> int:
    """Write what a voice has found; return how many tokens are told after it, of which there were `told`."""
    state, table = i64(plan, at.SCRATCH), ranges_of(plan, i64(plan, at.SOURCES))
    slots, shares = i64(plan, at.SLOTS), i64(plan, at.SHARES) + 8 * voice * at.MOST
    found, ids = i64(plan, at.FOUND) + 8 * voice * at.PER_VOICE, i64(plan, at.IDS)
    length, total, different, top = i64(state, at.REACHED), 0.0, 0, 0.0
    used = i64(state, at.SLOTS_USED)
    for slot in range(used):
        one = table + 8 * slot * at.PER_SLOT
        put_i16(slots, i64(one, at.TOKEN), 0)
        total += f64(one, column)
        different += f64(one, column) > 0
    for rank in range(min(at.TOLD, different)):
        best, most = table, 0.0
        for slot in range(used):
            one = table + 8 * slot * at.PER_SLOT
            if f64(one, column) > most:
                best, most = one, f64(one, column)
        put_f64(best, column, 0.0)
        if rank == 0:
            top = most / total
            put_f64(found, at.DRAFT_SOURCE, i64(best, at.BEST_SOURCE))
            put_f64(found, at.DRAFT_AT, i64(best, at.BEST_AT))
        told = put_share(plan, ids, shares, i64(best, at.TOKEN), most / total, told)
    places = f64(state, at.LONG_PLACES if column == at.LONG else at.ALL_PLACES)
    near = i64(state, at.NEAREST) / at.STEPS
    put_f64(found, at.FOUND_LENGTH, length)
    put_f64(found, at.PLACES, places)
    put_f64(found, at.DIFFERENT, different)
    put_f64(found, at.MOST_ALIKE, near)
    if length:
        weights = i64(plan, at.WEIGHTS) + 8 * voice * (at.LONGEST + at.FACTORS)
        factors = weights + 8 * at.LONGEST
        loudness = f64(weights, length - 1) + f64(factors, 0) * math.log(max(1.0, places))
        loudness += f64(factors, 1) * top + f64(factors, 2) * math.log(different) + f64(factors, 3) * near
        put_f64(found, at.LOUDNESS, loudness)
    return told


@jit
def put_share(plan: int, ids: int, shares: int, token: int, share: float, told: int) -> int:
    """Write the share of a token; return how many are told.

    The ids ascend: those above move up, with all shares.
    """
    place = told
    while place > 0 and i64(ids, place - 1) >= token:
        place -= 1
    if place == told or i64(ids, place) != token:
        for number in range(told, place, -1):
            put_i64(ids, number, i64(ids, number - 1))
        for voice in range(at.VOICES):
            row = i64(plan, at.SHARES) + 8 * voice * at.MOST
            for number in range(told, place, -1):
                put_f64(row, number, f64(row, number - 1))
            put_f64(row, place, 0.0)
        put_i64(ids, place, token)
        told += 1
    put_f64(shares, place, share)
    return told
