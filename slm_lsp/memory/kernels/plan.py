"""Places in the plan, a block of int64 that tells the kernel all it needs to know, and in its memory."""

LONGEST = 8
"""Tokens by which places are told apart, at most."""

WINDOW = 16
"""Last tokens that are looked for among as many before a place: how alike the two are. 32 did no better."""

STEPS = 256
"""In which it is counted how alike places are."""

KINDS, VOICES = 2, 4
"""Kinds of sources; one voice of each speaks for the longest matches, one, two further, for all places."""

TOLD = 8
"""Tokens that a voice tells, of all that followed: the rarest say less than the model itself does."""

(
    CONTEXT,
    COUNT,
    ALLOWED,
    ALLOWED_COUNT,
    ROOM,
    VOCABULARY,
    MARKS,
    SLOTS,
    ALIKE,
    SHORTER,
    WEIGHTS,
    SCRATCH,
    IDS,
    SHARES,
    FOUND,
    SOURCES,
) = range(16)
"""Addresses, unless they are counts: the last tokens, int64; the tokens that are told of alone, int64,
ascending, and -1 for all of them; places that are looked at; the size of the vocabulary; two tables of it,
int16, all 0; what a place counts by how alike it is, float64 [STEPS + 1], and by how much shorter its match
is than the longest, float64 [LONGEST]; how loud voices are, float64 [VOICES, LONGEST + FACTORS]; memory to
work in; the tokens that are told, int64 [MOST], their shares, float64 [VOICES, MOST], and what else was
found, float64 [VOICES, PER_VOICE]; sources."""

SOURCES_AT = 16

(KIND, WIDTH, TEXT, LENGTH, ORDER, FOLLOWING, HEADS, STARTS, FILES, COUNTED, PER_SOURCE) = range(11)
"""Of each source: its kind, the bytes of a token, and what `Segment` says of the rest."""

FACTORS = 4
"""What a voice's loudness is made of beside the length of its match: places, share, different, alike."""

MOST = VOICES * TOLD
"""Tokens that are told by all voices together."""

(FOUND_LENGTH, PLACES, DIFFERENT, MOST_ALIKE, LOUDNESS, DRAFT_SOURCE, DRAFT_AT, PER_VOICE) = range(8)
"""Of what a voice has found: the length of the longest match, 0 if there is none; what the places count in
all; how many different tokens followed; how alike the most alike place is; how loud it is; and where a draft
begins."""

(LEFT, REACHED, SLOTS_USED, NEAREST, LONG_PLACES, ALL_PLACES, BITS) = range(7)
"""In the memory to work in, for the kind of source that is looked at: how many more places are, the length of
the longest match, the number of different tokens that followed, how alike the most alike of the longest
matches is, what these count, and all. Behind that, what each different token of the window says, in bits."""

RANGES, PER_RANGES = BITS + WINDOW, 2 * (LONGEST + 2)
"""Behind that, of each source: the places with each length of match, from and to."""

(TOKEN, LONG, WIDE, BEST, BEST_SOURCE, BEST_AT, PER_SLOT) = range(7)
"""Behind that, of each different token that followed: what its places count, among the longest matches and
among all, and which of the former is the most alike."""


def scratch(sources: int, room: int) -> int:
    """Return how much memory to work in is needed, in units of 8 bytes."""
    return RANGES + sources * PER_RANGES + (room + LONGEST * 2 * sources) * PER_SLOT
