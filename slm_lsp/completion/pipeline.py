"""One completion, from the request to its items, on the engine's thread."""

import itertools
import math
import re
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from slm_lsp.cancel import CancelToken
from slm_lsp.completion import filters
from slm_lsp.completion.confidence import Acceptance
from slm_lsp.completion.context import ALL_PARTS
from slm_lsp.completion.cursor import Cursor, line_ending, look, syntax_around
from slm_lsp.completion.decoding import decode, healing
from slm_lsp.completion.extent import Extent, extent, stop_rules
from slm_lsp.completion.filters import Place
from slm_lsp.completion.gates import closed_in
from slm_lsp.completion.judging import Judge, Judged
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.naming import KnownNames
from slm_lsp.completion.request import (
    CompletionItem,
    CompletionRequest,
    CompletionResult,
    Draft,
    Stage,
    Trigger,
)
from slm_lsp.config import Settings
from slm_lsp.context.called import called
from slm_lsp.context.surroundings import Surroundings
from slm_lsp.engine.interface import Decoding, Sampling, Usage
from slm_lsp.memory.recall import Recall
from slm_lsp.prompt.build import Prompt, build
from slm_lsp.prompt.context import Context
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.text.snippet import Part

_ids = itertools.count(1)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Switches:
    """Parts of the pipeline that an evaluation turns off, to see what they are worth."""

    healing: bool = True
    filters: bool = True
    context: frozenset[Part] = ALL_PARTS
    memory: bool = True
    names: bool = True
    search: bool = True


ALL_ON = Switches()

TEXTS = 4
"""Texts that are weighed against one another: a pass of so many rows takes hardly longer than one of one."""

MARGIN = 2.0
"""Nats by which a text may be less likely than the likeliest and still win because it parses.

Of 100 single lines of HumanEval-Infilling, 53 were right with 2 as with any more, 50 with 1, 45 with 0.
"""


def run(
    model: LoadedModel,
    request: CompletionRequest,
    settings: Settings,
    cancel: CancelToken,
    switches: Switches = ALL_ON,
    acceptance: Acceptance = Acceptance(),  # noqa: B008 - frozen
    told: Callable[[str], None] = lambda text: None,
) -> CompletionResult:
    """Complete one request; `told` is given the text as it grows, as far as it is sure to be inserted so.

    Raises:
        Cancelled: `cancel` was set.
        ModelError: the engine failed.
    """
    clock = _Clock()
    document, language = request.document, request.document.language
    cursor, around = look(request, free=switches.healing)
    syntax = syntax_around(request, around)
    kind = extent(around, request.trigger, model.format.fills, settings.max_lines)
    place = Place.of(around, language, request.trigger, kind, syntax)
    clock.lap("context", f"{len(around.before)} characters before, {len(around.after)} after; {kind.value}")
    if reason := closed_in(place.region, language, request.trigger, settings):
        return CompletionResult(reason=reason, model=model.name, stages=clock.stages)

    # What is read ahead of need goes before what is asked for, which need not wait for more.
    rested = request.trigger is Trigger.INVOKED or not settings.ahead
    context, said = _context(request, cursor.line, around, settings, switches, rested=rested)
    clock.lap("other context", said)
    prompt = _prompt(model, request, around, settings, context, switches.healing)
    clock.lap(
        "prompt",
        f"{model.format.family}: {prompt.prefix_tokens} tokens before, {prompt.suffix_tokens} after, "
        f"{prompt.context_tokens} of context ({len(prompt.snippets)} snippets), "
        f"{len(prompt.tail)} characters healed",
    )
    usage = Usage()
    rules = stop_rules(around, kind, settings, request.trigger, model.format.fills)
    asked = request.trigger is Trigger.INVOKED
    count, margin = (settings.alternatives, math.inf) if asked else (1, MARGIN)
    sampling = _sampling(settings)
    # A block that comes by itself, or what another model drafts, is there sooner as one text.
    weighed = (asked or kind is Extent.LINE) and not (sampling or model.drafts)
    if model.engine.info.searches and switches.search and weighed:
        count = max(count, TEXTS)

    def tell(text: str) -> None:
        # Until the indentation is written, where it will go is not known.
        if text.startswith(cursor.lead):
            told(text[len(cursor.lead) :])

    memory = remembered(model, request, around, settings, prompt) if switches.memory else None
    clock.lap("memory", memory.said if memory else "none")
    names = known_names(model, request, around, settings, prompt) if switches.names else None
    clock.lap("names", names.said if names else "none")
    decoding = Decoding(
        settings.max_tokens + prompt.healed,
        model.format.stop_ids,
        model.drafts,
        constraint=lambda: healing(model, prompt),
        sampling=sampling,
        memory=memory,
        names=names,
        margin=margin,
    )
    chain = filters.chain(hide_unknown=settings.hide_unknown_names, known=_known(request, prompt))
    judge = Judge(place, chain if switches.filters else (), settings.eagerness, acceptance)
    drafts = decode(model, prompt, rules, count, decoding, cancel, usage, tell)
    clock.add("prefill", usage.prefill_ms, f"{usage.reused} tokens reused, {usage.prefilled} computed")
    clock.add("decode", usage.decode_ms, _decoded(usage, drafts))

    judged = judge.ranked(drafts)
    items = _items(judged, cursor, document)[: settings.alternatives if asked else 1]
    first = judged[0]
    clock.lap("filters", ", ".join(step.filter for step in first.steps) or "unchanged")
    return CompletionResult(
        items=items,
        reason=None if items else first.reason,
        model=model.name,
        stages=clock.stages,
        usage=usage,
        draft=first.draft,
        filtered=first.steps,
        features=first.features,
        confidence=first.confidence,
    )


def prefill(
    model: LoadedModel, request: CompletionRequest, settings: Settings, cancel: CancelToken, usage: Usage
) -> None:
    """Let the engine read what a request would ask, ahead of need.

    Raises:
        Cancelled: `cancel` was set.
        ModelError: the engine failed.
    """
    with request.contexts.trial(request.document.uri) if request.contexts else nullcontext():
        model.engine.prefill(prompt_of(model, request, settings).ids, cancel, usage)


def prompt_of(model: LoadedModel, request: CompletionRequest, settings: Settings) -> Prompt:
    """Return the prompt that a request comes to.

    Raises:
        ModelError: the model can't hold it.
    """
    cursor, around = look(request)
    context, _ = _context(request, cursor.line, around, settings, ALL_ON)
    return _prompt(model, request, around, settings, context)


def _context(
    request: CompletionRequest,
    line: int,
    around: Surroundings,
    settings: Settings,
    switches: Switches,
    *,
    rested: bool = True,
) -> tuple[Context | None, str]:
    """Return what to show beside the text at the cursor, and in words where it is from."""
    if not (request.contexts and settings.context_tokens and switches.context):
        return None, "none"
    return request.contexts.gather(
        request.document,
        line,
        called=called(around.line, around.rest),
        tokens=settings.context_tokens,
        time_limit=settings.context_time_limit,
        rested=rested,
        parts=switches.context,
    )


def _sampling(settings: Settings) -> Sampling | None:
    if not settings.temperature:
        return None
    return Sampling(settings.temperature, settings.top_k, settings.top_p, settings.seed)


def _prompt(
    model: LoadedModel,
    request: CompletionRequest,
    around: Surroundings,
    settings: Settings,
    context: Context | None,
    heal: bool = True,
) -> Prompt:
    after = around.after
    if request.contexts and model.format.suffix_first:
        after = request.contexts.suffix(request.document.uri, after)
    made = build(
        model.vocabulary,
        model.format,
        around.before,
        after,
        prefix_tokens=settings.prefix_tokens,
        suffix_tokens=settings.suffix_tokens,
        context_length=model.engine.info.context_length,
        max_tokens=settings.max_tokens,
        heal=heal,
        context=context,
    )
    if request.contexts and context:
        request.contexts.shown(request.document.uri, made.snippets)
    return made


def _known(request: CompletionRequest, prompt: Prompt) -> filters.Known:
    """Return what tells which names other code defines: what was shown, open buffers, and the index."""

    def known(names: set[str]) -> set[str]:
        shown = set(_WORD.findall(" ".join((prompt.lead, *(one.text for one in prompt.snippets)))))
        found = names & shown
        if request.contexts and names - found:
            found |= request.contexts.workspace.defined(names - found, request.document)
        return found

    return known


def remembered(
    model: LoadedModel, request: CompletionRequest, around: Surroundings, settings: Settings, prompt: Prompt
) -> Recall | None:
    """Return what the workspace and the file itself remember of the place, unless the settings forbid it."""
    if model.breaker or not (request.contexts and settings.memory):
        return None  # a server's choice can't be mixed with
    row, cursor = request.document.clamp(request.line, request.column)
    line, tail = request.document.lines[row][:cursor], prompt.tail
    # Not where the prompt ends before the line's indentation, or in the middle of what a popup has selected.
    noted = (
        (row, cursor - len(tail), cursor) if around.before.endswith(line) and line.endswith(tail) else None
    )
    return request.contexts.memory.at(
        model.vocabulary,
        request.document,
        # What is written again would be remembered as what stands there.
        around.before.removesuffix(tail),
        around.after,
        prompt.last,
        settings.memory_size,
        noted,
    )


def known_names(
    model: LoadedModel, request: CompletionRequest, around: Surroundings, settings: Settings, prompt: Prompt
) -> KnownNames | None:
    """Return what the code allows to be named from the cursor on, unless the settings forbid it."""
    if model.breaker or prompt.begun is not None or not (request.contexts and settings.names):
        return None  # a server's choice can't be changed, and an answer in words is no code
    if not around.before.endswith(prompt.tail):
        return None
    return request.contexts.names(
        model.vocabulary, request.document, request.line, around.before, prompt.tail
    )


def _decoded(usage: Usage, drafts: list[Draft]) -> str:
    """Return in words what was written, and what of it memory or names chose."""
    counts = {"memory": usage.recalled, "known names": usage.named}
    chosen = ", ".join(f"{count} by {name}" for name, count in counts.items() if count)
    chosen = f" (chosen: {chosen})" if chosen else ""
    return f"{usage.decoded} tokens{chosen}; {drafts[0].stop}" if drafts else ""


def _items(judged: list[Judged], cursor: Cursor, document: Snapshot) -> tuple[CompletionItem, ...]:
    """Return an item for each different text, in their order."""
    ending, seen, items = line_ending(document, cursor.line), set[str](), list[CompletionItem]()
    for one in judged:
        if one.reason or one.text in seen:
            continue
        seen.add(one.text)
        text, start = one.text, cursor.start
        # The indentation stays as it is, unless the model wants another.
        if text.startswith(cursor.lead):
            text, start = text[len(cursor.lead) :], cursor.start + len(cursor.lead)
        text = cursor.head + text.replace("\n", ending)
        items.append(CompletionItem(f"{next(_ids)}", text, start, cursor.end + one.replaces))
    return tuple(items)


class _Clock:
    """Times the stages of one completion."""

    def __init__(self) -> None:
        self._stages: list[Stage] = []
        self._last = time.perf_counter()

    def lap(self, name: str, detail: str) -> None:
        """Note a stage that began when the one before it ended."""
        self.add(name, (time.perf_counter() - self._last) * 1e3, detail)

    def add(self, name: str, ms: float, detail: str) -> None:
        """Note a stage that was timed elsewhere."""
        self._stages.append(Stage(name, ms, detail))
        self._last = time.perf_counter()

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages so far, in order."""
        return tuple(self._stages)
