"""Gates: each real place where a suggestion would be in the way, and the name that the user is told."""

from typing import Any

import pytest

from slm_lsp.completion.gates import closed, closed_in
from slm_lsp.completion.request import PopupEntry, Reason, Trigger
from slm_lsp.config import Settings
from slm_lsp.context.syntax import Region
from tests.completion.places import request


@pytest.mark.parametrize(
    ("marked", "reason"),
    [
        ("pri¦nt(a)", Reason.MID_WORD),
        ("x = ¦f(a) + b", Reason.REST_OF_LINE),
        ("f(¦, other)", Reason.REST_OF_LINE),
        ("f(a)¦", Reason.AFTER_CLOSER),
        ("return x;¦", Reason.AFTER_CLOSER),
        ("f(a¦)", None),
        ('print("a¦")', None),
        ("def f(¦):", None),
        ("f(a¦);", None),
        ("items = [¦]", None),
        ("x = ¦", None),
        ("    ¦", None),
    ],
)
def test_by_the_line(marked: str, reason: Reason | None) -> None:
    assert closed(request(marked), Settings()) is reason


def test_who_asks_passes() -> None:
    assert closed(request("pri¦nt(a)", trigger=Trigger.INVOKED), Settings()) is None


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"selecting": True}, Reason.SELECTION),
        ({"popup": PopupEntry("owner", 0, 3)}, None),
        ({"popup": PopupEntry("disown", 0, 3)}, Reason.POPUP_DISAGREES),
    ],
)
def test_by_what_the_editor_tells(more: dict[str, Any], reason: Reason | None) -> None:
    assert closed(request("own¦", **more), Settings()) is reason


def test_huge_files() -> None:
    text = "x = 1\n" * 300 + "¦"
    assert closed(request(text), Settings(max_file_size=1000)) is Reason.FILE_TOO_LONG
    assert closed(request(text), Settings()) is None


@pytest.mark.parametrize(
    ("choice", "trigger", "reason"),
    [
        ("on", Trigger.AUTOMATIC, None),
        ("invoked", Trigger.AUTOMATIC, Reason.IN_COMMENT),
        ("invoked", Trigger.INVOKED, None),
        ("off", Trigger.INVOKED, Reason.IN_COMMENT),
    ],
)
def test_in_comments_as_the_user_chose(choice: str, trigger: Trigger, reason: Reason | None) -> None:
    assert closed_in(Region.COMMENT, "python", trigger, Settings(in_comments=choice)) is reason


def test_strings_are_what_is_written_in_data_and_prose() -> None:
    settings = Settings()
    assert closed_in(Region.STRING, "python", Trigger.AUTOMATIC, settings) is Reason.IN_STRING
    assert closed_in(Region.STRING, "json", Trigger.AUTOMATIC, settings) is None
    assert closed_in(Region.COMMENT, "markdown", Trigger.AUTOMATIC, settings) is None
