"""What the user was shown and what became of it: rejected suggestions do not return."""

from slm_lsp.completion.offers import Offers
from slm_lsp.completion.request import CompletionItem, CompletionRequest
from tests.completion.places import request


def item(asked: CompletionRequest, text: str, identifier: str = "1") -> CompletionItem:
    return CompletionItem(identifier, text, asked.column, asked.column)


def test_a_dismissed_suggestion_does_not_come_back_in_its_place() -> None:
    offers, asked = Offers(), request("a = 1\nb = ¦\n")
    offers.show(asked, item(asked, "a + 1"))
    assert offers.reject("1")
    assert offers.refused(asked, item(asked, "a + 1", "2"))
    later = request("a = 1\nb = a¦\n")
    assert offers.refused(later, item(later, " + 1", "3"))
    assert not offers.refused(asked, item(asked, "a + 2", "4"))
    elsewhere = request("c = 1\nb = ¦\n")
    assert not offers.refused(elsewhere, item(elsewhere, "a + 1", "5"))


def test_typing_against_a_suggestion_twice_rejects_it() -> None:
    offers, asked = Offers(), request("b = ¦\n")
    for time in range(2):
        assert not offers.refused(asked, item(asked, "a + 1"))
        assert offers.show(asked, item(asked, "a + 1", str(time)))
        assert not offers.follow(request("b = a¦\n"))
        assert offers.follow(request("b = ax¦\n"))
    assert offers.refused(asked, item(asked, "a + 1", "9"))


def test_deleting_what_was_before_a_suggestion_rejects_it() -> None:
    """Cody evicts one when the user backspaces past its start."""
    offers, asked = Offers(), request("b = f¦\n")
    offers.show(asked, item(asked, "(a)"))
    assert offers.follow(request("b = ¦\n"))
    assert offers.refused(asked, item(asked, "(a)", "2"))


def test_going_elsewhere_is_no_rejection() -> None:
    offers, asked = Offers(), request("b = ¦\nc = 2\n")
    offers.show(asked, item(asked, "a + 1"))
    assert not offers.follow(request("b = \nc = 2¦\n"))
    assert not offers.refused(asked, item(asked, "a + 1"))


def test_what_is_still_on_the_screen_is_not_shown_anew() -> None:
    offers, asked = Offers(), request("b = ¦\n")
    assert offers.show(asked, item(asked, "a + 1"))
    later = request("b = a¦\n")
    assert not offers.show(later, item(later, " + 1"))
    accepted = offers.accept("1", "whole")
    assert accepted
    assert accepted.left == " + 1"
    assert offers.accept("1", "whole") is None
