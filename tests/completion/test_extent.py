"""How long a suggestion may be, by where the cursor stands."""

import pytest

from slm_lsp.completion.extent import Extent, extent
from slm_lsp.completion.request import Trigger
from tests.completion.places import around


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("x = ¦\n", Extent.LINE),
        ("def f():¦\n", Extent.BODY),
        ("def f():\n    ¦\n", Extent.BODY),
        ("def f():\n    ¦\n    return 1\n", Extent.LINE),
        ("def f():¦\n    return 1\n", Extent.LINE),
        ("if (x) {¦\n}\n", Extent.BODY),
        ("f(¦)\n", Extent.LINE),
        ("def f():\n    a()\n    ¦\n\ndef g():\n", Extent.STATEMENT),
        ("def f():\n    a()\n    ¦\n    b()\n", Extent.LINE),
        ("while true do\n  ¦\nend\n", Extent.BODY),
        ("¦", Extent.STATEMENT),
    ],
)
def test_by_the_place(marked: str, expected: Extent) -> None:
    assert extent(around(marked), Trigger.AUTOMATIC, True, 8) is expected


def test_a_model_that_fills_is_trusted_when_asked() -> None:
    assert extent(around("f(¦a)\n"), Trigger.INVOKED, True, 8) is Extent.FREE
    assert extent(around("f(¦a)\n"), Trigger.INVOKED, False, 8) is Extent.LINE


def test_one_line_if_the_user_says_so() -> None:
    assert extent(around("def f():¦\n"), Trigger.INVOKED, True, 1) is Extent.LINE
