"""Code like that at the cursor."""

from pathlib import Path

from slm_lsp.context.similar import similar
from slm_lsp.text.lines import split
from slm_lsp.text.snapshot import Snapshot
from slm_lsp.text.snippet import Snippet

READ_ORDERS = """def read_orders(folder):
    orders = []
    for file in sorted(folder.glob("*.csv")):
        with file.open() as stream:
            for row in csv.DictReader(stream):
                orders.append(Order(row["number"], row["customer"]))
    return orders
"""
READ_INVOICES = READ_ORDERS.replace("orders", "invoices").replace("Order(", "Invoice(")
BEGUN = (
    'def read_payments(folder):\n    payments = []\n    for file in sorted(folder.glob("*.csv")):\n        \n'
)
UNLIKE = (
    "def area(radius):\n    return 3.14 * radius ** 2\n\n\ndef volume(radius, height):\n    return height\n"
)


def snapshot(path: str, text: str, language: str = "python") -> Snapshot:
    return Snapshot(f"file://{path}", language, 1, tuple(split(text)), Path(path))


def found(
    *others: Snapshot,
    text: str = BEGUN,
    visited: tuple[str, ...] = (),
    called: tuple[str, ...] = (),
    kept: tuple[str, ...] = (),
) -> list[Snippet]:
    own = snapshot("/shop/payments.py", text)
    line = len(own.lines) - 2
    return similar(
        own, line, called, kept, others, [Path(one) for one in visited], (), lambda path: path.name
    )


def test_what_does_the_same_elsewhere_is_found_and_nothing_else() -> None:
    (snippet,) = found(snapshot("/shop/orders.py", READ_ORDERS), snapshot("/shop/shapes.py", UNLIKE))
    assert snippet.path == "orders.py"
    assert "csv.DictReader(stream)" in snippet.text


def test_one_window_for_each_file_and_the_nearer_or_later_visited_file_first() -> None:
    near, far = snapshot("/shop/orders.py", READ_ORDERS), snapshot("/lib/old/orders.py", READ_ORDERS)
    assert [one.path for one in found(far, near)] == ["orders.py"] * 2
    assert found(far, near)[0].source == "open buffer"
    first, second = snapshot("/shop/a/orders.py", READ_ORDERS), snapshot("/shop/b/invoices.py", READ_INVOICES)
    visited = ("/shop/b/invoices.py", "/shop/a/orders.py")
    assert found(first, second, visited=visited)[0].path == "invoices.py"
    assert found(first, second, visited=visited[::-1])[0].path == "orders.py"


def test_of_long_lines_a_window_has_fewer() -> None:
    lines = [f"stream_{number} = open_orders({'path, ' * 15}order_{number})\n" for number in range(20)]
    (one,) = found(
        snapshot("/shop/orders.py", "".join(lines)), text="".join(lines[:4]) + "\nx = 1\ny = 2\n    \n"
    )
    assert 0 < len(one.text) <= 4 * len(lines[0])


def test_what_stands_at_the_cursor_already_is_not_shown_again() -> None:
    text = READ_ORDERS + "\n" + BEGUN
    assert found(snapshot("/shop/copy.py", READ_ORDERS), text=text) == []


def test_what_stands_next_to_the_cursor_and_is_called_on_its_line_counts_for_most() -> None:
    far = "def close_shop(day, till):\n    lock_doors(day)\n    count_coins(till)\n" + "\n" * 10
    near = "def greet_customer(name, gift):\n    wave_hand(name)\n\n\n\n    \n"
    of_far = snapshot("/shop/a.py", "lock_doors(night)\ncount_coins(box)\nswitch_off(day)\n")
    of_near = snapshot("/shop/b.py", "wave_hand(name)\ngreet_customer(name, gift)\nsay_hello(name)\n")
    assert found(of_far, of_near, text=far + near)[0].path == "b.py"
    assert found(of_far, of_near, text=far + near, called=("lock_doors", "count_coins"))[0].path == "a.py"


def test_what_is_shown_already_gives_way_only_to_what_is_far_better() -> None:
    orders, invoices = snapshot("/a/orders.py", READ_ORDERS), snapshot("/b/invoices.py", READ_INVOICES)
    first, second = found(orders, invoices)
    assert found(orders, invoices, kept=(second.key,))[0].key == second.key
    filler = "".join(f"thing_{at} = other_{at}\n" for at in "abcdefgh")
    weak = snapshot("/b/shapes.py", filler + "remove(folder, file)\nsorted(things)\n")
    (_, shown) = found(orders, weak)
    assert found(orders, weak, kept=(shown.key,))[0].key == first.key


def test_other_languages_are_left_out() -> None:
    assert found(snapshot("/shop/orders.go", READ_ORDERS, "go")) == []
