"""From a prompt to drafts: tokens become text, and the stop rules end it."""

from collections.abc import Callable, Sequence
from contextlib import closing
from copy import copy
from dataclasses import replace
from itertools import takewhile

from slm_lsp.cancel import CancelToken
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.request import Draft, Written
from slm_lsp.completion.stopping import StopRule
from slm_lsp.engine.interface import Decoding, Token, Usage
from slm_lsp.prompt.build import Prompt
from slm_lsp.prompt.chat import code
from slm_lsp.tokens.healing import TailConstraint
from slm_lsp.tokens.stream import StreamDecoder

ENDED = "the model ended the text"
TOKEN_LIMIT = "token limit"
"""What `Draft.stop` says where no stop rule ended the text."""

Told = Callable[[str], None]
"""Is told the text so far after each token, on the engine's thread."""


def healing(model: LoadedModel, prompt: Prompt) -> TailConstraint | None:
    """Return what makes a text begin with what was taken off the prompt's end, if anything was."""
    return TailConstraint(model.vocabulary, prompt.tail) if prompt.tail else None


def decode(
    model: LoadedModel,
    prompt: Prompt,
    rules: Sequence[StopRule],
    count: int,
    decoding: Decoding,
    cancel: CancelToken,
    usage: Usage,
    told: Told = lambda text: None,
) -> list[Draft]:
    """Let the model write up to `count` different texts; `told` is given what the likeliest have in common.

    With sampling all are drawn, each with a seed of its own. Texts that are less likely than the likeliest by
    more than the margin may be missing.
    """
    if sampling := decoding.sampling:
        seeds = range(sampling.seed, sampling.seed + count)
        drawn = [replace(decoding, sampling=replace(sampling, seed=seed)) for seed in seeds]
        tell = [told, *[lambda text: None] * (count - 1)]
        return [
            _one(model, prompt, rules, one, cancel, usage, told)
            for one, told in zip(drawn, tell, strict=True)
        ]
    if count == 1:
        return [_one(model, prompt, rules, decoding, cancel, usage, told)]

    searches = model.engine.info.searches
    texts, ended, over = {0: _Text(model, prompt, rules)}, set[int](), dict[int, _Text]()
    several = model.engine.generate_several(prompt.ids, count, decoding, cancel, usage, ended)
    with closing(several):
        for grown in several:
            growing = dict[int, _Text]()
            for one in grown:
                text = texts[one.id] = growing[one.id] = texts[one.parent].fork()
                over.pop(one.parent, None)
                if one.token.id in model.format.stop_ids:
                    text.end(one.token)
                elif text.feed(one.token):
                    ended.add(one.id)
            if searches:
                # What neither ended nor grew was given up.
                over = {id: text for id, text in over.items() if id in ended}
            over |= growing
            told(_common([text.text for text in over.values()]))
    if searches:
        over = {id: text for id, text in over.items() if id in ended or text.length == decoding.max_tokens}
    return sorted((text.draft(id in ended) for id, text in over.items()), key=lambda one: -one.score)


def _common(texts: Sequence[str]) -> str:
    """Return what all texts begin with."""
    first, last = min(texts), max(texts)
    equal = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return first[: sum(1 for _ in equal)]


def _one(
    model: LoadedModel,
    prompt: Prompt,
    rules: Sequence[StopRule],
    decoding: Decoding,
    cancel: CancelToken,
    usage: Usage,
    told: Told,
) -> Draft:
    only, usage.ended = _Text(model, prompt, rules), False
    with closing(model.engine.generate(prompt.ids, decoding, cancel, usage)) as tokens:
        for token in tokens:
            done = only.feed(token)
            told(only.text)
            if done:
                break
    return only.draft(usage.ended)


class _Text:
    """A text that is being written."""

    def __init__(self, model: LoadedModel, prompt: Prompt, rules: Sequence[StopRule]) -> None:
        self._decoder = StreamDecoder(model.vocabulary)
        self._tail, self._rules, self._begun = len(prompt.tail), rules, prompt.begun
        self._written = ""
        self._tokens: tuple[Written, ...] = ()
        self._cut: Draft | None = None
        self._score = 0.0
        self.length = 0

    def fork(self) -> "_Text":
        """Return a text that goes on from here by itself."""
        made = copy(self)
        made._decoder = self._decoder.fork()
        return made

    @property
    def text(self) -> str:
        """The text so far, without the healed end of the prompt."""
        return self._cut.text if self._cut else self._read(final=False)[0]

    def _read(self, *, final: bool) -> tuple[str, bool]:
        """Return the text so far, and whether it is closed: of an answer in words it is the code alone."""
        text = self._written[self._tail :]
        return (text, False) if self._begun is None else code(text, self._begun, final=final)

    def feed(self, token: Token) -> bool:
        """Take a token; returns whether a stop rule ends the text with it."""
        self.end(token)
        self._written += self._decoder.feed(token.id)
        text, closed = self._read(final=False)
        if text:
            self._tokens = (*self._tokens, Written(len(text), token.logprob, token.entropy))
        for rule in self._rules:
            if (end := rule.cut(text)) is not None:
                self._cut = self._draft(text[:end], rule.name, text[end : end + 1] == "\n")
                return True
        if closed:
            self._cut = self._draft(text, ENDED)
        return closed

    def end(self, token: Token) -> None:
        """Take note of a token that is no part of the text, or that is about to become one."""
        self._score += token.logprob
        self.length += 1

    def draft(self, ended: bool) -> Draft:
        """Return what was written; `ended` says whether the model itself ended it."""
        if self._cut:
            return self._cut
        text = self._read(final=True)[0]
        if ended:
            return self._draft(text, ENDED)
        # Out of tokens in mid-line: the whole lines before it are worth more than a torn one.
        head, newline, _ = text.rpartition("\n")
        return self._draft(head if newline and head.strip() else text, TOKEN_LIMIT)

    def _draft(self, text: str, stop: str, whole_line: bool = False) -> Draft:
        return Draft(text, stop, whole_line, self._tokens, self._score)
