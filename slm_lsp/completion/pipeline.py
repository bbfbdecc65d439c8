"""One completion, from the request to its item, on the engine's thread."""

import itertools
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from statistics import fmean

from slm_lsp.cancel import CancelToken
from slm_lsp.completion.filters import finish, without_rest
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.request import (
    CompletionItem,
    CompletionRequest,
    CompletionResult,
    Draft,
    Filtered,
    Reason,
    Stage,
    Trigger,
)
from slm_lsp.completion.stopping import (
    BlankLine,
    Dedent,
    LineLimit,
    OneLine,
    StopRule,
    SuffixMet,
    TimeLimit,
    indentation,
    wants_block,
)
from slm_lsp.config import Settings
from slm_lsp.context.surroundings import Surroundings, gather
from slm_lsp.engine.interface import Decoding, Usage
from slm_lsp.prompt.build import Prompt, build
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.tokens.stream import StreamDecoder

_ids = itertools.count(1)


ENDED = "the model ended the text"
TOKEN_LIMIT = "token limit"
"""What `Draft.stop` says where no stop rule ended the text."""


@dataclass(frozen=True, slots=True)
class Switches:
    """Parts of the pipeline that an evaluation turns off, to see what they are worth."""

    healing: bool = True
    filters: bool = True


ALL_ON = Switches()


def run(
    model: LoadedModel,
    request: CompletionRequest,
    settings: Settings,
    cancel: CancelToken,
    switches: Switches = ALL_ON,
) -> CompletionResult:
    """Complete one request.

    Raises:
        Cancelled: `cancel` was set.
        ModelError: the engine failed.
    """
    clock = _Clock()
    line, column = request.document.clamp(request.line, request.column)
    popup = request.popup
    start, end = (popup.start, popup.end) if popup else (column, column)
    around = gather(
        request.document, line, start, end, popup.text if popup else "", request.preceding, request.following
    )
    clock.lap("context", f"{len(around.before)} characters before, {len(around.after)} after")

    prompt = build(
        model.vocabulary,
        model.format,
        around.before,
        around.after,
        prefix_tokens=settings.prefix_tokens,
        suffix_tokens=settings.suffix_tokens,
        context_length=model.engine.info.context_length,
        max_tokens=settings.max_tokens,
        heal=switches.healing,
    )
    clock.lap(
        "prompt",
        f"{model.format.family}: {prompt.prefix_tokens} tokens before, {prompt.suffix_tokens} after, "
        f"{len(prompt.tail)} characters healed",
    )

    usage = Usage()
    draft = _decode(
        model,
        prompt,
        stop_rules(around, settings, request.trigger, model.format.fills),
        settings,
        cancel,
        usage,
    )
    clock.add("prefill", usage.prefill_ms, f"{usage.reused} tokens reused, {usage.prefilled} computed")
    clock.add("decode", usage.decode_ms, f"{usage.decoded} tokens; {draft.stop}")

    filtered = _filter(draft, around) if switches.filters else ()
    text = filtered[-1].text if filtered else draft.text
    reason = None
    if not text.strip():
        reason = Reason.REPEATS_SUFFIX if draft.text.strip() else Reason.EMPTY
    clock.lap(
        "filters", "unchanged" if text == draft.text else f"{len(draft.text) - len(text)} characters removed"
    )
    result = CompletionResult(
        reason=reason, model=model.name, stages=clock.stages, usage=usage, draft=draft, filtered=filtered
    )
    if reason:
        return result
    text = (popup.text if popup else "") + text.replace("\n", line_ending(request.document, line))
    item = CompletionItem(id=f"{next(_ids)}", text=text, start=start, end=end)
    return replace(result, items=(item,))


def stop_rules(around: Surroundings, settings: Settings, trigger: Trigger, fills: bool) -> list[StopRule]:
    """Choose the rules for this place.

    A model that fills knows what follows and ends its text itself, so a user who asked for it gets what it
    writes, wherever the cursor stands. Otherwise it is one line, or a block where a block may begin.
    """
    invoked = trigger is Trigger.INVOKED
    limits: list[StopRule] = [
        SuffixMet(around.following, fills=fills),
        LineLimit(settings.max_lines),
        TimeLimit(settings.time_limit),
    ]
    if settings.max_lines == 1 or not ((invoked and fills) or wants_block(around.line, around.rest)):
        return [OneLine()]
    if invoked and fills:
        return limits
    # What follows tells how far a text may fall back that was asked for.
    floor = indentation(around.following[0]) if invoked and around.following else None
    rules = [*limits, Dedent(around.line, floor or None)]
    return rules if invoked else [*rules, BlankLine(around.line)]


def line_ending(document: Snapshot, line: int) -> str:
    """Return the line ending in use at a line: its own, else that of the line above, else ``\\n``."""
    for candidate in (document.lines[line], document.lines[line - 1] if line else ""):
        if ending := candidate[len(candidate.rstrip("\r\n")) :]:
            return ending
    return "\n"


def _filter(draft: Draft, around: Surroundings) -> tuple[Filtered, ...]:
    """Run the filters in their order."""
    kept = without_rest(draft.text, around.rest, draft.whole_line)
    return Filtered("rest of the line", kept), Filtered("trailing white space", finish(kept, around.rest))


def _decode(
    model: LoadedModel,
    prompt: Prompt,
    rules: Sequence[StopRule],
    settings: Settings,
    cancel: CancelToken,
    usage: Usage,
) -> Draft:
    decoder = StreamDecoder(model.vocabulary)
    decoding = Decoding(settings.max_tokens + prompt.healed, model.format.stop_ids)
    written, logprobs = "", list[float]()

    def draft(text: str, stop: str, whole_line: bool = False) -> Draft:
        return Draft(text, stop, whole_line, fmean(logprobs) if logprobs else None)

    with closing(model.engine.generate(prompt.ids, decoding, cancel, usage, prompt.constraint)) as tokens:
        for token in tokens:
            written += decoder.feed(token.id)
            text = written[len(prompt.tail) :]
            if text:
                logprobs.append(token.logprob)
            for rule in rules:
                if (end := rule.cut(text)) is not None:
                    return draft(text[:end], rule.name, text[end : end + 1] == "\n")
    text = written[len(prompt.tail) :]
    if usage.ended:
        return draft(text, ENDED)
    # Out of tokens in mid-line: the whole lines before it are worth more than a torn one.
    head, newline, _ = text.rpartition("\n")
    return draft(head if newline and head.strip() else text, TOKEN_LIMIT)


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
