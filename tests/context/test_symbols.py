import pytest

from slm_lsp.context import grammars
from slm_lsp.context.symbols import STEP, Outline, outline, references

SOURCES: dict[str, tuple[str, str, str, str]] = {
    "c": (
        "#include <a.h>\nstruct cart { int *total; };\nint add(Item *i) { return price(i->x); }\n"
        "int f(int a);\n",
        "cart cart.total add f",
        "#include <a.h>",
        "cart Item price x",
    ),
    "cpp": (
        "#include <a>\nnamespace n {\nclass Cart : public Base {\n  int total_;\n"
        "  int add(Item i) { return f(i); }\n"
        "};\n}\nint Cart::size() { return 0; }\n",
        "n n.Cart Cart.total_ Cart.add Cart.size",
        "#include <a>",
        "Cart Base Item f",
    ),
    "csharp": (
        "using A.B;\nclass Cart : Base {\n  int total;\n  public string Owner { get; }\n"
        "  int Add(Item i) { return F(i.X); }\n}\nenum E { A }\n",
        "Cart Cart.total Cart.Owner Cart.Add E E.A",
        "using A.B;",
        "Base Item F X i",
    ),
    "css": (
        "@import 'a.css';\n.cart { --main: red; color: var(--main) }\n#top { a: b }\n",
        "cart cart.--main top",
        "@import 'a.css';",
        "--main",
    ),
    "go": (
        'package a\n\nimport "b"\n\ntype Cart struct {\n\ttotal int\n}\n\n'
        "func (c *Cart) Add(i Item) int { return b.Sum(i) }\n\nconst Limit = 3\n",
        "Cart Cart.total Cart.Add Limit",
        'package a|import "b"',
        "Cart int Item b Sum",
    ),
    "html": (
        "<link href='a.css'><p id='top' class='cart'>b</p>\n",
        "top",
        "<link href='a.css'>",
        "cart",
    ),
    "java": (
        "import a.B;\nclass Cart extends Base {\n  int total;\n  int add(Item i) { return sum(i); }\n}\n",
        "Cart Cart.total Cart.add",
        "import a.B;",
        "Base Item sum",
    ),
    "javascript": (
        "import a from 'b';\nclass Cart extends Base {\n  total = 1;\n  add(i) { return sum(i.x); }\n}\n"
        "export const f = (a) => new Item();\nconst g = 1;\n",
        "Cart Cart.total Cart.add f g",
        "import a from 'b';",
        "Base sum i x Item",
    ),
    "json": ('{"name": {"a": 1}, "b": 2}\n', "name b", "", ""),
    "kotlin": (
        "import a.B\nclass Cart(val o: Owner) : Base() {\n  val total: Int = 0\n"
        "  fun add(i: Item): Int { return sum(i) }\n"
        "}\nobject O {\n}\n",
        "Cart Cart.total Cart.add O",
        "import a.B",
        "Owner Base Int Item sum",
    ),
    "lua": (
        "local json = require('json')\nfunction Cart.new(o) return o.x end\n"
        "local function free(a) return Cart.new(a) end\n",
        "json Cart.new free",
        "local json = require('json')",
        "require Cart new o x",
    ),
    "php": (
        "<?php\nuse A\\B;\nclass Cart extends Base {\n  private $total;\n"
        "  function add(Item $i) { return sum($i->x) + C::make(); }\n}\n",
        "Cart Cart.total Cart.add",
        "use A\\B;",
        "Base Item sum x C make",
    ),
    "python": (
        "import a\nfrom b import C\n\nLIMIT = 3\n\n\nclass Cart(Base):\n    size: int = 0\n\n"
        "    def add(self, item: Item) -> None:\n        self.total = sum(item.x)\n\n"
        "        def inner(): ...\n",
        "LIMIT Cart Cart.size Cart.add Cart.total Cart.inner",
        "import a|from b import C",
        "Base int Item self total sum item x",
    ),
    "ruby": (
        "require 'json'\nmodule M\n  class Cart < Base\n    attr_reader :total\n    def add(item)\n"
        "      Item.new(1)\n"
        "    end\n  end\nend\n",
        "M M.Cart Cart.total Cart.add",
        "require 'json'",
        "require M Cart Base attr_reader Item new",
    ),
    "rust": (
        "use a::B;\npub struct Cart { total: u8 }\nimpl Cart {\n"
        "    pub fn add(&self, i: Item) -> u8 { sum(i.x) }\n}\n"
        "macro_rules! m { () => {} }\n",
        "Cart Cart.total Cart Cart.add m",
        "use a::B;",
        "B Cart Item sum x",
    ),
    "scala": (
        "import a.B\nclass Cart extends Base {\n  val total: Int = 0\n"
        "  def add(i: Item): Int = sum(i.x)\n}\nobject O { }\n",
        "Cart Cart.total Cart.add O",
        "import a.B",
        "Base Int Item sum i x",
    ),
    "shellscript": (
        "source ./a.sh\nLIMIT=3\nadd() {\n  sum $LIMIT\n}\n",
        "LIMIT add",
        "source ./a.sh",
        "source LIMIT sum",
    ),
    "swift": (
        "import A\nclass Cart: Base {\n  var total: Int = 0\n"
        "  func add(i: Item) -> Int { return sum(i.x) }\n}\n"
        "extension Cart { func g() {} }\nprotocol P { func f() }\n",
        "Cart Cart.total Cart.add Cart Cart.g P P.f",
        "import A",
        "Base Int Item sum i x Cart P",
    ),
    "toml": ("title = 1\n[a.b]\nc = 1\n", "title a.b", "", ""),
    "typescript": (
        "import { a } from 'b';\nexport interface Line { item: Item }\nexport class Cart extends Base {\n"
        "  private total = 1;\n  add(i: Item): number { return sum(i.x); }\n}\ntype T = Cart;\n",
        "Line Line.item Cart Cart.total Cart.add T",
        "import { a } from 'b';",
        "Line Item Cart sum i x T",
    ),
    "yaml": ("name: x\nb:\n  c: *d\n", "name b", "", "d"),
}
ALIKE = {"javascriptreact": "javascript", "jsonc": "json", "typescriptreact": "typescript"}


def read(language: str, text: str) -> Outline:
    source = text.encode()
    return outline(language, grammars.parser(language).parse(source), source)


def names(found: Outline) -> list[str]:
    return [f"{one.owner}.{one.name}" if one.owner else one.name for one in found.symbols]


@pytest.mark.parametrize("language", sorted(grammars.LANGUAGES))
def test_definitions_imports_and_references_are_found(language: str) -> None:
    text, defined, imported, referred = SOURCES[ALIKE.get(language, language)]
    source = text.encode()
    tree = grammars.parser(language).parse(source)
    found = outline(language, tree, source)
    assert names(found) == defined.split()
    assert [one.text for one in found.imports] == [one for one in imported.split("|") if one]
    seen = [name for name, _ in references(language, tree, source, 0, len(source))]
    assert set(seen) == set(referred.split())


def test_signatures_are_one_line_behind_their_decorators() -> None:
    found = read(
        "python",
        "@cache\ndef f(\n    a: int,\n    b: int = 1,\n) -> int:\n    '''Add.\n\n    More.'''\n"
        "    return a + b\n",
    )
    (one,) = found.symbols
    assert one.signature == "@cache\ndef f(a: int, b: int = 1) -> int:"
    assert (one.start, one.body, one.end, one.doc) == (0, 5, 8, "Add.")


def test_exported_values_show_how_they_are_exported() -> None:
    (one,) = read("typescript", "export const f = (\n  a: number,\n) => a + 1;\n").symbols
    assert one.signature == "export const f = (a: number) =>"


def test_what_is_defined_in_a_function_is_local() -> None:
    found = read("python", "def f():\n    def g(): ...\n\n\nclass A:\n    def m(self):\n        self.x = 1\n")
    assert [one.name for one in found.symbols if not one.local] == ["f", "A", "m", "x"]


def test_a_field_counts_once() -> None:
    text = "class A:\n    def a(self):\n        self.x = 1\n\n    def b(self):\n        self.x = 2\n"
    assert names(read("python", text)) == ["A", "A.a", "A.x", "A.b"]


def test_torn_code_still_tells_what_it_defines() -> None:
    text = "class A:\n    def a(self):\n        self.run(\n\n    def b(self):\n        pass\n"
    assert {"A", "a", "b"} <= {one.name for one in read("python", text).symbols}


def test_a_definition_across_the_steps_of_a_long_text_is_found_once() -> None:
    body = "    x = 1\n" * (STEP // 4)
    found = read("python", f"def f():\n{body}\n\ndef g():\n    return 1\n")
    assert names(found) == ["f", "g"]


def test_only_references_in_the_range_are_told() -> None:
    source = b"a()\nb()\nc()\n"
    tree = grammars.parser("python").parse(source)
    assert references("python", tree, source, 4, 7) == [("b", 1)]
