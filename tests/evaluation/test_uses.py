from pathlib import Path

from slm_lsp.evaluation.uses import Definitions, Use


def definitions(folder: Path, **files: str) -> Definitions:
    found = []
    for name, text in files.items():
        path = folder / f"{name}.py"
        path.write_text(text, "utf-8")
        found.append((path, "python"))
    return Definitions(found)


def test_a_name_that_another_file_defines_is_a_use_across_files(tmp_path: Path) -> None:
    known = definitions(
        tmp_path,
        shop="class Basket:\n    def total(self):\n        return 0\n",
        till="def receipt(basket):\n    return basket.total()\n",
    )
    till, shop = tmp_path / "till.py", tmp_path / "shop.py"
    assert known.use(till, "python", ["basket", "total"]) is Use.CROSS_FILE
    assert known.use(till, "python", ["Basket"]) is Use.CROSS_FILE
    assert known.use(shop, "python", ["Basket", "total"]) is Use.OWN_FILE
    assert known.use(till, "python", ["receipt", "basket"]) is Use.OWN_FILE
    assert known.use(till, "go", ["Basket"]) is Use.OWN_FILE


def test_a_name_that_many_files_define_says_nothing(tmp_path: Path) -> None:
    many = {f"part{number}": "def render():\n    pass\n" for number in range(5)}
    known = definitions(tmp_path, page="render()\n", **many)
    assert known.use(tmp_path / "page.py", "python", ["render"]) is Use.OWN_FILE


def test_a_variable_of_the_same_name_elsewhere_is_no_use_but_a_constant_is(tmp_path: Path) -> None:
    known = definitions(tmp_path, limits="LARGEST = 3\nquery = 4\n", page="pass\n")
    assert known.use(tmp_path / "page.py", "python", ["query"]) is Use.OWN_FILE
    assert known.use(tmp_path / "page.py", "python", ["LARGEST"]) is Use.CROSS_FILE
