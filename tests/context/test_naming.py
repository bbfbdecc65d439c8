"""Which names may stand at a place: members, imports and keyword arguments, as the files tell."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from slm_lsp.context.naming import Allowed, Kind, parameters
from slm_lsp.context.workspace import Workspace
from slm_lsp.text.lines import split
from slm_lsp.text.snapshot import Snapshot

BANK = """from shop.money import Money as Coin


class Account(Base):
    limit: int = 0

    def __init__(self, owner: str, *, opened: bool = False) -> None:
        self.owner = owner

    def deposit(self, amount: int, note: str = "") -> "Receipt":
        self._log(amount)


class Base:
    def audit(self) -> None: ...


class Receipt:
    number: int
    def printed(self) -> str: ...


def open_account(owner: str) -> Account:
    return Account(owner)
"""
MONEY = "class Money:\n    cents: int\n\nRATE = 2\n"


class Session:
    """A workspace whose files are on disk."""

    def __init__(self, root: Path) -> None:
        self.root, self.workspace = root, Workspace()

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def allowed(self, text: str, name: str = "shop/till.py", language: str = "python") -> Allowed | None:
        """Return what may be named at the mark of a file that is not open."""
        self.workspace.settle()
        before, _, after = text.partition("¦")
        path = self.root / name
        document = Snapshot(path.as_uri(), language, 1, tuple(split(before + after)), path)
        return self.workspace.scope(document, before.count("\n")).allowed(before)

    def names(self, text: str, name: str = "shop/till.py", language: str = "python") -> set[str]:
        found = self.allowed(text, name, language)
        return set(found.names) if found else set()


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    made = Session(tmp_path / "work")
    made.write("shop/__init__.py", "from shop.bank import Account\n")
    made.write("shop/bank.py", BANK)
    made.write("shop/money.py", MONEY)
    made.workspace.index(made.root, tmp_path / "index", watched=True)
    yield made
    made.workspace.shut_down()


OWN = """from shop.bank import Base


class Till(Base):
    total: int

    def __init__(self):
        self.session = connect()

    def close(self):
        self.session.end(self.secret)
        self.¦

    def open(self): ...
"""


def test_the_members_of_the_class_at_hand_and_of_its_bases(session: Session) -> None:
    found = session.allowed(OWN)
    assert found == Allowed(
        Kind.OWN, frozenset(("total", "session", "secret", "close", "open", "audit")), "", True
    )


@pytest.mark.parametrize(
    ("line", "begun"), [("self.se", "se"), ("x = foo(self.", ""), ("if not self.to", "to"), ("@cls.t", "t")]
)
def test_the_beginning_of_a_name_is_told_apart(session: Session, line: str, begun: str) -> None:
    found = session.allowed(OWN.replace("self.¦", f"{line}¦"))
    assert found
    assert (found.kind, found.begun) == (Kind.OWN, begun)


def test_a_class_goes_on_at_its_end(session: Session) -> None:
    head = OWN[: OWN.index("    def open")]
    assert "session" in session.names(head)
    assert "session" in session.names(head.replace("self.¦", "pass\n\n        self.¦"))
    assert session.names(head.replace("self.¦", "pass\n\nself.¦")) == set()
    assert session.names(head.replace("self.¦", "pass\n\nx = 1\n        self.¦")) == set()


@pytest.mark.parametrize("line", ["self", "self.client", "self.session ", "f().", "'x'.", "1.", "self.x.y."])
def test_where_nothing_is_known_nothing_is_said(session: Session, line: str) -> None:
    assert session.allowed(OWN.replace("self.¦", f"{line}¦")) is None


def test_a_base_that_nobody_knows_leaves_room_for_others(session: Session) -> None:
    for bases, whole in (("Base", True), ("Base, Unknown", False), ("Exception", True), ("ABC", True)):
        found = session.allowed(OWN.replace("class Till(Base)", f"class Till({bases})"))
        assert found
        assert found.whole is whole, bases
    found = session.allowed(OWN.replace("def open", "def __getattr__"))
    assert found
    assert not found.whole


ACCOUNT = {"limit", "owner", "deposit", "audit"}


@pytest.mark.parametrize(
    "text",
    [
        "def pay(who: Account):\n    who.¦",
        "who = Account('me')\nwho.¦",
        "who = open_account('me')\nwho.¦",
        "with Account() as who:\n    who.¦",
        "who = None\nwho = Account('me')\nprint(who.¦",
        "class A:\n    who: Account\n\n    def f(self):\n        self.who.¦",
        "class A:\n    def __init__(self):\n        self.who = Account()\n        self.who.¦",
        "class A:\n    def __init__(self, w: Account):\n        self.who = w\n        self.who.¦",
        "Account.¦",
    ],
)
def test_a_receiver_is_what_its_declaration_says(session: Session, text: str) -> None:
    assert session.names(f"from shop.bank import Account, open_account\n\n\n{text}") == ACCOUNT


def test_what_a_method_returns_has_its_members(session: Session) -> None:
    text = "from shop.bank import Account\n\nwho = Account('me')\nslip = who.deposit(1)\nslip.¦"
    assert session.names(text) == {"number", "printed"}


def test_a_variable_that_is_called_for_its_own_value_ends_somewhere(session: Session) -> None:
    assert session.names("x = x.copy()\n" * 200 + "x.¦") == set()
    assert session.names("x = y.copy()\ny = x.copy()\n" * 200 + "x.¦") == set()
    field = "class A:\n    def f(self):\n        self.x = self.x.copy()\n        self.x.¦"
    assert session.names(field) == set()


def test_names_of_a_module(session: Session) -> None:
    bank = {"Coin", "Account", "Base", "Receipt", "open_account"}
    assert session.names("from shop.bank import ¦") == bank | {"("}
    assert session.names("from .bank import Account, ¦") == bank
    assert session.names("from shop.bank import (\n    Account,\n    Re¦") == bank
    assert session.names("import shop.bank as bank\n\nbank.¦") == bank
    assert session.names("from shop import ¦") == {"Account", "bank", "money", "("}
    assert session.names("from . import A, ¦") == {"Account", "bank", "money"}
    assert session.names("from os import ¦") == set()


def test_keyword_arguments_of_what_is_called(session: Session) -> None:
    head = "from shop.bank import Account, open_account\n\nwho = Account('me')\n"
    assert session.names(f"{head}Account(¦") == set()
    assert session.names(f"{head}Account(o¦") == {"owner=", "opened="}
    assert session.names(f"{head}open_account(ow¦") == {"owner="}
    assert session.names(f"{head}who.deposit(1, a¦") == {"amount=", "note="}
    assert session.names(f"{head}who.deposit(amount=f(2), n¦") == {"note="}
    assert session.names(f"{head}unknown(a¦") == set()
    assert session.names(f"{head}open_account([o¦") == set()


def test_what_an_ignore_file_hides_is_not_told(session: Session) -> None:
    session.write(".slmignore", "bank.py\n")
    session.workspace.changed(session.root / ".slmignore")
    assert session.names("from shop.bank import ¦") == set()
    assert session.names("from .bank import ¦") == set()


def test_open_buffers_count_for_their_files(session: Session) -> None:
    path = session.root / "shop" / "bank.py"
    text = BANK.replace("limit", "ceiling")
    session.workspace.open(Snapshot(path.as_uri(), "python", 1, tuple(split(text)), path))
    assert "ceiling" in session.names("from shop.bank import Account\nAccount.¦")


def test_an_index_that_cannot_be_asked_says_nothing(session: Session) -> None:
    session.workspace.settle()
    before = "from shop.bank import "
    document = Snapshot("file:///a.py", "python", 1, (before,), session.root / "a.py")
    scope = session.workspace.scope(document, 0)
    session.workspace.remove_folder(session.root)
    assert scope.allowed(before) is None


@pytest.mark.parametrize(
    ("language", "name", "text", "expected"),
    [
        (
            "typescript",
            "a.ts",
            "class Cart {\n  items = 1;\n  add() {\n    this.¦\n  }\n}\n",
            {"items", "add"},
        ),
        (
            "java",
            "A.java",
            "class Cart {\n  int items;\n  void add() {\n    this.¦\n  }\n}\n",
            {"items", "add"},
        ),
        (
            "rust",
            "a.rs",
            "struct Cart { items: u8 }\nimpl Cart {\n  fn add(&self) {\n    self.¦\n  }\n}\n",
            {"items", "add"},
        ),
        (
            "go",
            "a.go",
            "type Cart struct {\n\titems int\n}\n\nfunc (c *Cart) Add() {\n\tc.¦\n}\n",
            {"items", "Add"},
        ),
        (
            "cpp",
            "a.cpp",
            "struct Cart {\n  int items;\n  void add() {\n    this->¦\n  }\n};\n",
            {"items", "add"},
        ),
        ("typescript", "b.ts", "class Cart { items = 1 }\nfunction f(c: Cart) {\n  c.¦\n}\n", {"items"}),
    ],
)
def test_members_in_other_languages(
    session: Session, language: str, name: str, text: str, expected: set[str]
) -> None:
    assert session.names(text, name, language) == expected


def test_parameters_are_those_that_can_be_named() -> None:
    def of(signature: str) -> list[str]:
        return list(parameters(signature))

    assert of("def f(self, a, b: dict[str, int] = {}, *args, c=(1, 2), **more) -> None:") == ["a", "b", "c"]
    assert of("@cached\nasync def f(a, /, b, *, c):") == ["b", "c"]
    assert of("(number, note)") == ["number", "note"]
    assert of("") == of("def f():") == []
