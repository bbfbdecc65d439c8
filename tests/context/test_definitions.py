"""What the names near a cursor mean, from other open buffers."""

from pathlib import Path

import pytest

from slm_lsp.context.buffers import Parsed
from slm_lsp.context.definitions import definitions, names_near
from slm_lsp.context.elsewhere import Elsewhere
from slm_lsp.text.lines import split
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.text.snippet import Snippet

ACCOUNT = """class Account:
    owner: str

    def __init__(self, owner: str) -> None:
        self.owner = owner

    def _audit(self) -> None:
        pass

    def deposit(self, amount: int) -> None:
        self.balance += amount
"""


def parsed(path: str, text: str, language: str = "python") -> Parsed:
    return Parsed.of(Snapshot(f"file://{path}", language, 1, tuple(split(text)), Path(path)))


def found(
    text: str, line: int, *others: Parsed, language: str = "python", called: tuple[str, ...] = ()
) -> list[Snippet]:
    own = parsed("/shop/till.py", text, language)
    names = names_near(own, own.snapshot.lines, line, called)
    return definitions(own, names, Elsewhere(own, others, ()), lambda path: path.name)


def test_an_imported_class_is_shown_with_its_fields_and_public_methods() -> None:
    text = "from account import Account\n\n\ndef pay(who: Account) -> None:\n    \n"
    (snippet,) = found(text, 4, parsed("/shop/account.py", ACCOUNT))
    assert snippet.path == "account.py"
    assert snippet.source == "open buffer"
    lines = snippet.text.split("\n")
    assert lines[0] == "class Account:"
    assert "    owner: str" in lines
    assert any("def deposit(self, amount: int) -> None:" in line for line in lines)
    assert "_audit" not in snippet.text
    assert "balance" not in snippet.text


def test_the_import_decides_between_two_of_the_same_name() -> None:
    text = "from bank.account import Account\n\nwho = Account()\n\n"
    other = ACCOUNT.replace("deposit", "withdraw")
    best, *_ = found(
        text, 3, parsed("/shop/game/account.py", other), parsed("/shop/bank/account.py", ACCOUNT)
    )
    assert "deposit" in best.text


def test_a_method_that_several_classes_have_is_not_guessed() -> None:
    many = [
        parsed(f"/shop/part{number}.py", f"class Part{number}:\n    def render(self): ...\n")
        for number in range(3)
    ]
    assert found("def draw(page):\n    page.render()\n    \n", 2, *many) == []


def test_what_the_file_defines_itself_and_the_line_being_typed_ask_for_nothing() -> None:
    account = parsed("/shop/account.py", ACCOUNT)
    assert found("class Account:\n    pass\n\nx = Account()\n\n", 4, account) == []
    assert found("x = 1\nAccount\n", 1, account) == []


def test_what_is_called_on_the_line_being_typed_comes_first() -> None:
    account = parsed("/shop/account.py", ACCOUNT)
    audit = parsed("/shop/audit.py", "def audit(strict: bool) -> None:\n    pass\n")
    text = "from account import Account\nfrom audit import audit\n\nx = Account()\naudit(\n"
    assert [one.path for one in found(text, 4, account, audit)] == ["account.py"]
    assert [one.path for one in found(text, 4, account, audit, called=("audit",))] == [
        "audit.py",
        "account.py",
    ]


def test_a_variable_asks_for_the_class_that_it_is_made_by() -> None:
    text = "from bank import open_account\n\n\ndef pay(who: Account) -> None:\n" + "    x = 1\n" * 40
    account = parsed("/shop/account.py", ACCOUNT)
    (snippet,) = found(text + "    who.\n", 44, account, called=("who",))
    assert "def deposit" in snippet.text


def test_a_field_that_many_have_is_shown_only_if_its_class_is_named() -> None:
    order = parsed("/shop/order.py", "class Order:\n    number: int\n")
    text = "x = 1\nprint(x.number)\n\n"
    assert found(text, 2, order) == []
    (snippet,) = found("from order import Order\n" + text, 3, order)
    assert "number: int" in snippet.text


def test_a_class_with_many_members_leaves_room_for_others() -> None:
    many = "".join(f"    def method_{at}(self, first: int, second: str) -> None: ...\n" for at in range(50))
    (snippet,) = found("x = Long()\n\n", 1, parsed("/shop/long.py", "class Long:\n" + many))
    assert "method_0" in snippet.text
    assert len(snippet.text) < 600


def test_another_language_means_something_else() -> None:
    account = parsed("/shop/account.py", ACCOUNT)
    assert found("type Till struct { who Account }\n\n", 1, account, language="go") == []


@pytest.mark.parametrize(("line", "first"), [(2, "alpha"), (22, "omega")])
def test_the_nearest_names_come_first(line: int, first: str) -> None:
    text = "alpha()\n" + "\n" * 20 + "omega()\n\n"
    own = parsed("/shop/a.py", text)
    assert names_near(own, own.snapshot.lines, line)[0].text == first
