"""One request, from a document to its item, with an engine that writes what it is told."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from slm_lsp.cancel import Cancelled, CancelToken
from slm_lsp.completion.decoding import ENDED, TOKEN_LIMIT
from slm_lsp.completion.model import LoadedModel
from slm_lsp.completion.pipeline import ALL_ON, Switches, run
from slm_lsp.completion.request import CompletionRequest, CompletionResult, PopupEntry, Reason, Trigger
from slm_lsp.config import Settings
from slm_lsp.engine.scripted import ScriptedEngine
from slm_lsp.prompt.formats import detect
from slm_lsp.text.lines import split as split_lines
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.tokens.healing import split
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.tokenizers import tokenizer

CURSOR = "¦"


class Bench:
    """A model that writes `text` at the cursor of any document, and what came of it."""

    def __init__(self, family: str = "smollm", switches: Switches = ALL_ON) -> None:
        self.vocabulary = Vocabulary(tokenizer(family))
        self.switches = switches
        self.engine = ScriptedEngine(lambda prompt: [])

    def complete(
        self,
        document: str,
        writes: str,
        popup: PopupEntry | None = None,
        others: Sequence[str] = (),
        told: Callable[[str], None] = lambda text: None,
        **more: Any,
    ) -> CompletionResult:
        settings = more.pop("settings", {})
        before, after = document.split(CURSOR)
        lines = tuple(split_lines(before + after))
        line, column = before.count("\n"), len(before) - before.rfind("\n") - 1
        entry = before[: len(before) - column + popup.start] + popup.text if popup else before
        tail = split(entry.replace("\r\n", "\n"), self.vocabulary).tail if self.switches.healing else ""
        self.engine = ScriptedEngine(
            lambda prompt: self.vocabulary.encode(tail + writes),
            others=lambda prompt: [self.vocabulary.encode(tail + text) for text in others],
            searches=bool(others),
        )
        request = CompletionRequest(
            Snapshot("file:///a", "python", 1, lines), line, column, popup=popup, **more
        )
        return self.ask(request, told, **settings)

    def ask(
        self,
        request: CompletionRequest,
        told: Callable[[str], None] = lambda text: None,
        **settings: Any,
    ) -> CompletionResult:
        model = LoadedModel("scripted", self.engine, self.vocabulary, detect(self.vocabulary))
        chosen = Settings(**{"eagerness": 100, **settings})
        return run(model, request, chosen, CancelToken(), self.switches, told=told)

    def shown(self, document: str, writes: str, **more: Any) -> str:
        (item,) = self.complete(document, writes, **more).items
        return item.text

    def prompt(self) -> str:
        return self.vocabulary.decode(self.engine.prompts[-1])


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_item_is_inserted_at_the_cursor(bench: Bench) -> None:
    result = bench.complete("a = 1\nb = ¦\n", "a + 1\nc = 3\n")
    (item,) = result.items
    assert (item.text, item.start, item.end) == ("a + 1", 4, 4)
    assert result.reason is None


def test_a_word_in_mid_typing_is_finished_without_its_beginning(bench: Bench) -> None:
    assert bench.shown("index = 1\nprint(ind¦", "ex)\n") == "ex)"


def test_of_several_texts_the_one_is_shown_that_parses(bench: Bench) -> None:
    assert bench.shown("x = f(a, ¦\n", "b c\n", others=["b, c, d)\n", "b c)\n"]) == "b, c, d)"
    # The likelier one, which is the shorter as all tokens are alike, if both do.
    assert bench.shown("x = f(a, ¦\n", "b, c, d)\n", others=["b)\n"]) == "b)"


def test_of_several_texts_the_one_is_shown_that_no_filter_rejects(bench: Bench) -> None:
    document = "def f(a):\n    g(a)\n    ¦\n    return a\n"
    assert bench.shown(document, "return a\n", others=["h(a, a, a, a)\n"]) == "h(a, a, a, a)"


def test_of_several_texts_one_that_needs_no_mending_is_shown_first(bench: Bench) -> None:
    """The likelier text does not parse to its end; what is left of it would."""
    assert bench.shown("x = ¦\n", "a b\n", others=["f(a, b, c)\n"]) == "f(a, b, c)"


def test_of_several_texts_the_one_is_shown_that_fits_the_next_lines_indentation(bench: Bench) -> None:
    document = "def f(a):\n    ¦\n        return a\n"
    assert bench.shown(document, "a = 1\n", others=["if a > 1 or a < -1:\n"]) == "if a > 1 or a < -1:"


def test_a_block_that_comes_by_itself_is_one_text(bench: Bench) -> None:
    document, others = "def f(x):\n    ¦\n", ["return x\n"]
    assert bench.shown(document, "return (x + 1)\n", others=others) == "return (x + 1)"
    asked = bench.complete(document, "return (x + 1)\n", others=others, trigger=Trigger.INVOKED)
    assert [item.text for item in asked.items] == ["return x", "return (x + 1)"]


def test_a_search_tells_only_what_all_its_texts_begin_with() -> None:
    bench, told = Bench(), list[str]()
    bench.complete("x = ¦\n", "alpha, beta\n", others=["alpha, gamma\n"], told=told.append)
    assert max(told, key=len).startswith("alpha")
    assert not any("beta" in text or "gamma" in text for text in told)


def test_white_space_before_the_cursor_is_not_suggested_again(bench: Bench) -> None:
    assert bench.shown("def f():\n    ¦", "return 0\n") == "return 0"


def test_the_rest_of_the_line_is_not_repeated(bench: Bench) -> None:
    assert bench.shown("print(¦)\n", "index, name)\n") == "index, name"


def test_a_block_ends_where_the_text_that_follows_begins(bench: Bench) -> None:
    document = "def f(x):¦\n    return x\n"
    writes = "\n    x += 1\n    return x\n    return 0\n"
    assert bench.shown(document, writes, trigger=Trigger.INVOKED) == "\n    x += 1"


def test_a_line_below_the_block_is_not_part_of_it(bench: Bench) -> None:
    assert bench.shown("def f(x):\n¦", "    x += 1\ny = 2\n") == "    x += 1"


def test_who_asks_gets_what_a_model_writes_that_knows_what_follows() -> None:
    bench, more = Bench("qwen"), {"trigger": Trigger.INVOKED}
    writes = "a,\n    b)\n\nprint("
    assert bench.shown("call(¦c)\n", writes, **more) == writes
    assert bench.shown("call(¦c)\n", writes) == "a,"


def test_one_line_only_where_the_settings_say_so(bench: Bench) -> None:
    result = bench.complete("def f(x):¦\n", "\n    return x\n", settings={"max_lines": 1})
    assert result.reason is Reason.EMPTY


def test_items_use_the_documents_line_endings(bench: Bench) -> None:
    assert (
        bench.shown("def f(x):¦\r\n\r\n", "\n    x += 1\n    return x\n\n")
        == "\r\n    x += 1\r\n    return x"
    )


def test_nothing_to_add_is_said_so(bench: Bench) -> None:
    result = bench.complete("a = 1¦\n", "\nb = 2\n")
    assert (result.items, result.reason) == ((), Reason.EMPTY)


def test_a_suggestion_that_repeats_the_rest_is_not_shown(bench: Bench) -> None:
    assert bench.complete("print(a¦)\n", ")\n").reason is Reason.REPEATS_SUFFIX


def test_the_model_is_asked_for_a_limited_number_of_tokens(bench: Bench) -> None:
    result = bench.complete("a = ¦", "1 + " * 50, settings={"max_tokens": 5})
    assert result.usage.decoded <= 5 + 2  # and what is healed
    assert result.items


def test_a_line_torn_by_the_token_limit_is_dropped(bench: Bench) -> None:
    body = "\n    a = 1\n    b = 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9"
    assert bench.shown("def f():¦\n", body, settings={"max_tokens": 20}) == "\n    a = 1"


def test_decoding_stops_with_the_line(bench: Bench) -> None:
    result = bench.complete("a = ¦\n", "1\n" + "b = 2\n" * 20)
    assert result.usage.decoded < 6


def test_the_popups_entry_is_extended_in_its_place(bench: Bench) -> None:
    result = bench.complete("self.own¦\n", " = owner\n", popup=PopupEntry("owner", 5, 8))
    (item,) = result.items
    assert (item.text, item.start, item.end) == ("owner = owner", 5, 8)
    assert bench.prompt().startswith("self.")


def test_neighbouring_cells_are_read_in_order(bench: Bench) -> None:
    bench.complete("a = ¦", "1\n", preceding=("first = 1", "second = 2"))
    text = bench.prompt()
    assert text.startswith("first = 1\nsecond = 2\na")


def test_a_model_that_fills_sees_what_follows() -> None:
    bench = Bench("qwen")
    bench.complete("a = ¦\nprint(a)\n", "1", following=("print(b)",))
    assert "print(a)" in bench.prompt()
    assert "print(b)" in bench.prompt()


def test_a_cursor_past_the_end_is_taken_to_the_end(bench: Bench) -> None:
    settings, lines = Settings(), ("a = ",)
    tail = split("a = ", bench.vocabulary).tail
    engine = ScriptedEngine(lambda prompt: bench.vocabulary.encode(tail + "12\n"))
    model = LoadedModel("scripted", engine, bench.vocabulary, detect(bench.vocabulary))
    request = CompletionRequest(Snapshot("file:///a", "python", 1, lines), 7, 99)
    (item,) = run(model, request, settings, CancelToken()).items
    assert (item.text, item.start) == ("12", 4)


def test_an_empty_document_completes(bench: Bench) -> None:
    assert bench.shown("¦", "import sys\n") == "import sys"


def test_every_stage_is_timed(bench: Bench) -> None:
    names = [stage.name for stage in bench.complete("a = ¦", "1\n").stages]
    assert names == ["context", "other context", "prompt", "memory", "names", "prefill", "decode", "filters"]


def test_no_text_of_the_user_is_in_the_trail(bench: Bench) -> None:
    result = bench.complete("secret = ¦", "hidden\n")
    assert not any("secret" in stage.detail or "hidden" in stage.detail for stage in result.stages)


def test_a_cancelled_request_stops(bench: Bench) -> None:
    token = CancelToken()
    token.cancel()
    vocabulary = bench.vocabulary
    model = LoadedModel("scripted", ScriptedEngine(lambda prompt: [17]), vocabulary, detect(vocabulary))
    request = CompletionRequest(Snapshot("file:///a", "python", 1, ("a = ",)), 0, 4)
    with pytest.raises(Cancelled):
        run(model, request, Settings(), token)


def test_the_draft_tells_what_ended_it_and_how_sure_the_model_was(bench: Bench) -> None:
    line = bench.complete("a = ¦\n", "1\n").draft
    ended = bench.complete("a = ¦\n", "1").draft
    torn = bench.complete("a = ¦", "1 + " * 50, settings={"max_tokens": 5}).draft
    assert line
    assert ended
    assert torn
    assert (line.text, line.stop, ended.stop, torn.stop) == ("1", "end of the line", ENDED, TOKEN_LIMIT)
    assert line.logprob == pytest.approx(-0.1)


def test_what_each_filter_did_can_be_seen(bench: Bench) -> None:
    filtered = bench.complete("print(¦)\n", "index )\n").filtered
    assert [one.text for one in filtered] == ["index ", "index"]


def test_filters_can_be_switched_off() -> None:
    raw = Bench(switches=Switches(filters=False))
    result = raw.complete("print(¦)\n", "index)\n")
    assert (result.items[0].text, result.filtered) == ("index)", ())


def test_healing_can_be_switched_off() -> None:
    bench = Bench(switches=Switches(healing=False))
    assert bench.shown("def f():\n    ¦", "return 0\n") == "return 0"
    assert bench.prompt() == "def f():\n    "
