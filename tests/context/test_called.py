"""What the cursor's line asks for before it is finished, and what types variables have."""

import pytest

from slm_lsp.context.called import called, types
from slm_lsp.text.lines import split


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        ("    account.", "", ("account",)),
        ("    account.dep", "", ("account",)),
        ("    account.deposit(", ")", ("account", "deposit")),
        ("    let x = Vec::<u8>::filled(", ");", ("Vec", "filled")),
        ("    node->", "next(1);", ("node", "next")),
        ("    acc", "ount.deposit()", ("deposit",)),
        ("    if (", ") {", ()),
        ("    account", "", ()),
    ],
)
def test_only_names_that_are_finished_count(before: str, after: str, names: tuple[str, ...]) -> None:
    assert called(before, after) == names


@pytest.mark.parametrize(
    "declared",
    [
        "def pay(till: Till) -> None:",
        "till: Optional[Till] = None",
        "self.till = Till(1)",
        "till = shop.Till()",
        "const till = new Till();",
        "function pay(till?: Till) {",
        "private final Till till;",
        "void pay(const Till& till) {",
        "Till<Coin> till = {};",
        "fn pay(till: &mut Till) {",
        "let till = Till::new(1);",
        "till := &Till{}",
    ],
)
def test_a_variable_has_the_type_that_it_is_declared_with(declared: str) -> None:
    lines = split(f"{declared}\n    other = Other()\n    \n")
    assert types(["till"], lines, 2) == {"till": "Till"}


def test_the_nearest_declaration_above_counts_before_what_stands_below() -> None:
    lines = split("till = Far()\ntill = Near()\n\ntill = Below()\n")
    assert types(["till"], lines, 2) == {"till": "Near"}
    assert types(["till"], lines, 0) == {"till": "Near"}
    assert types(["nothing"], lines, 2) == {}
