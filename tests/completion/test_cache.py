"""The cache: found again while the user types what a suggestion says, and only then."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from slm_lsp.completion.cache import SuggestionCache
from slm_lsp.completion.request import CompletionItem, CompletionRequest, CompletionResult, Reason
from tests.completion.places import request


def suggestion(asked: CompletionRequest, text: str, replaces: int = 0) -> CompletionResult:
    item = CompletionItem("1", text, asked.column, asked.column + replaces)
    return CompletionResult((item,), model="m")


def filled(marked: str, text: str, replaces: int = 0, **more: Any) -> SuggestionCache:
    cache = SuggestionCache()
    asked = request(marked, **more)
    cache.put(asked, suggestion(asked, text, replaces))
    return cache


def found(cache: SuggestionCache, marked: str, **more: Any) -> str | None:
    result = cache.look(request(marked, **more))
    return result.items[0].text if result else None


def test_typing_on_into_a_suggestion_leaves_the_rest_as_it_is() -> None:
    cache, text = filled("a = 1\nb = ¦\n", "a + other"), "a + other"
    for typed in range(len(text)):
        assert found(cache, f"a = 1\nb = {text[:typed]}¦\n") == text[typed:]
    assert found(cache, f"a = 1\nb = {text}¦\n") is None


def test_typing_something_else_is_a_miss_and_deleting_it_a_hit_again() -> None:
    cache = filled("b = ¦\n", "a + other")
    assert found(cache, "b = a -¦\n") is None
    assert found(cache, "b = a ¦\n") == "+ other"


def test_accepting_a_line_leads_to_the_next_one() -> None:
    cache = filled("def f():¦\nx = 1\n", "\n    a()\n    b()")
    assert found(cache, "def f():\n    ¦\nx = 1\n") == "a()\n    b()"
    assert found(cache, "def f():\n    a()¦\nx = 1\n") == "\n    b()"
    assert found(cache, "def f():\n    a()\n    ¦\nx = 1\n") == "b()"
    assert found(cache, "def f():\n    c()\n    ¦\nx = 1\n") is None


def test_edits_far_away_do_not_empty_it() -> None:
    marked = "{}" + "line = 1\n" * 60 + "b = ¦\n" + "line = 2\n" * 60 + "{}"
    cache = filled(marked.format("", ""), "a + other")
    assert found(cache, marked.format("import x\n", "x()\n")) == "a + other"


def test_another_place_another_document_another_rest_are_misses() -> None:
    cache = filled("a = 1\nb = ¦\n", "a + other")
    assert found(cache, "c = 1\nb = ¦\n") is None
    assert found(cache, "a = 1\nb = ¦ + c\n") is None
    assert found(cache, "a = 1\nb = ¦\n", uri="file:///b") is None


def test_a_bracket_that_the_editor_closed_is_taken_in() -> None:
    cache = filled("b = ¦\n", "f(a, c)")
    result = cache.look(request("b = f(¦)\n"))
    assert result
    (item,) = result.items
    assert (item.text, item.start, item.end) == ("a, c)", 6, 7)


def test_what_a_suggestion_replaces_stays_replaced() -> None:
    cache = filled("def f(¦)\n", "a):\n    pass", 1)
    result = cache.look(request("def f(a¦)\n"))
    assert result
    assert (result.items[0].text, result.items[0].end) == ("):\n    pass", 8)


def test_reasons_are_kept_for_their_exact_place() -> None:
    cache, asked = SuggestionCache(), request("b = ¦\n")
    cache.put(asked, CompletionResult(reason=Reason.EMPTY))
    again = cache.look(asked)
    assert again
    assert again.reason is Reason.EMPTY
    assert cache.look(request("b = a¦\n")) is None
    cache.put(request("c = ¦\n"), CompletionResult(reason=Reason.SUPERSEDED))
    assert cache.look(request("c = ¦\n")) is None


def test_the_newest_suggestion_for_a_place_counts() -> None:
    cache = filled("b = ¦\n", "a + other")
    asked = request("b = a¦\n")
    cache.put(asked, suggestion(asked, " - 1"))
    assert found(cache, "b = a¦\n") == " - 1"
    assert found(cache, "b = a +¦\n") == " other"


def test_the_oldest_go_first() -> None:
    cache = SuggestionCache(kept=2)
    for name in "abc":
        asked = request(f"{name} = ¦\n")
        cache.put(asked, suggestion(asked, "f(x)"))
    assert [found(cache, f"{name} = ¦\n") for name in "abc"] == [None, "f(x)", "f(x)"]
    assert sum(map(len, cache._index.values())) == 2


@given(st.text("ab(\n ", min_size=1, max_size=30), st.data())
def test_what_is_left_and_what_is_typed_make_the_suggestion(text: str, data: st.DataObject) -> None:
    typed = data.draw(st.integers(0, len(text) - 1))
    cache = filled("x\ny = ¦\nz\n", text)
    left = found(cache, f"x\ny = {text[:typed]}¦\nz\n")
    assert left == text[typed:]
