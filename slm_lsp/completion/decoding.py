"""From a prompt to drafts: tokens become text, and the stop rules end it."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace

from slm_lsp.cancel import CancelToken
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.request import Draft, Written
from slm_lsp.completion.stopping import StopRule
from slm_lsp.engine.interface import Decoding, Memory, Names, Sampling, Token, Usage
from slm_lsp.prompt.build import Prompt
from slm_lsp.prompt.chat import code
from slm_lsp.tokens.healing import TailConstraint
from slm_lsp.tokens.stream import StreamDecoder

ENDED = "the model ended the text"
TOKEN_LIMIT = "token limit"
"""What `Draft.stop` says where no stop rule ended the text."""

Told = Callable[[str], None]
"""Is told the text so far after each token, on the engine's thread."""


def decode(
    model: LoadedModel,
    prompt: Prompt,
    rules: Sequence[StopRule],
    max_tokens: int,
    count: int,
    cancel: CancelToken,
    usage: Usage,
    told: Told = lambda text: None,
    sampling: Sampling | None = None,
    memory: Memory | None = None,
    names: Names | None = None,
) -> list[Draft]:
    """Let the model write `count` different texts; `told` follows the first, which is the likeliest.

    With `sampling` all are drawn, each with a seed of its own. What `memory` says of the place is mixed into
    what the model says, and known `names` are raised in it, where nothing is drawn.
    """

    def constraint() -> TailConstraint | None:
        return TailConstraint(model.vocabulary, prompt.tail) if prompt.tail else None

    most = max_tokens + prompt.healed
    decoding = Decoding(most, model.format.stop_ids, model.drafts, constraint, memory=memory, names=names)
    if sampling:
        seeds = range(sampling.seed, sampling.seed + count)
        drawn = [replace(decoding, sampling=replace(sampling, seed=seed)) for seed in seeds]
        tell = [told, *[lambda text: None] * (count - 1)]
        return [
            _one(model, prompt, rules, one, cancel, usage, told)
            for one, told in zip(drawn, tell, strict=True)
        ]
    if count == 1:
        return [_one(model, prompt, rules, decoding, cancel, usage, told)]

    branches = [_Branch(model, prompt, rules) for _ in range(count)]
    ended = set[int]()
    several = model.engine.generate_several(prompt.ids, count, decoding, cancel, usage, ended)
    with closing(several):
        for index, token in several:
            if branches[index].feed(token):
                ended.add(index)
            if index == 0:
                told(branches[0].text)
    return [branch.draft(index in ended) for index, branch in enumerate(branches) if branch.begun]


def _one(
    model: LoadedModel,
    prompt: Prompt,
    rules: Sequence[StopRule],
    decoding: Decoding,
    cancel: CancelToken,
    usage: Usage,
    told: Told,
) -> Draft:
    only, usage.ended = _Branch(model, prompt, rules), False
    with closing(model.engine.generate(prompt.ids, decoding, cancel, usage)) as tokens:
        for token in tokens:
            done = only.feed(token)
            told(only.text)
            if done:
                break
    return only.draft(usage.ended)


class _Branch:
    """One text that is being written."""

    def __init__(self, model: LoadedModel, prompt: Prompt, rules: Sequence[StopRule]) -> None:
        self._decoder = StreamDecoder(model.vocabulary)
        self._tail, self._rules, self._begun = len(prompt.tail), rules, prompt.begun
        self._written = ""
        self._tokens = list[Written]()
        self._cut: Draft | None = None
        self.begun = False

    @property
    def text(self) -> str:
        """The text so far, without the healed end of the prompt."""
        return self._read(final=False)[0]

    def _read(self, *, final: bool) -> tuple[str, bool]:
        """Return the text so far, and whether it is closed: of an answer in words it is the code alone."""
        text = self._written[self._tail :]
        return (text, False) if self._begun is None else code(text, self._begun, final=final)

    def feed(self, token: Token) -> bool:
        """Take a token; returns whether a stop rule ends the text with it."""
        self.begun = True
        self._written += self._decoder.feed(token.id)
        text, closed = self._read(final=False)
        if text:
            self._tokens.append(Written(len(text), token.logprob, token.entropy))
        for rule in self._rules:
            if (end := rule.cut(text)) is not None:
                self._cut = Draft(text[:end], rule.name, text[end : end + 1] == "\n", tuple(self._tokens))
                return True
        if closed:
            self._cut = Draft(text, ENDED, False, tuple(self._tokens))
        return closed

    def draft(self, ended: bool) -> Draft:
        """Return what was written; `ended` says whether the model itself ended it."""
        if self._cut:
            return self._cut
        text, tokens = self._read(final=True)[0], tuple(self._tokens)
        if ended:
            return Draft(text, ENDED, False, tokens)
        # Out of tokens in mid-line: the whole lines before it are worth more than a torn one.
        head, newline, _ = text.rpartition("\n")
        return Draft(head if newline and head.strip() else text, TOKEN_LIMIT, False, tokens)
