import random

from slm_lsp.prompt.build import build
from slm_lsp.prompt.context import Context, render
from slm_lsp.text.snippet import Found, Part
from slm_lsp.tokens.vocabulary import Vocabulary
from slm_lsp.tuning.examples import Examples, File
from slm_lsp.tuning.layout import Layout
from slm_lsp.tuning.neighbours import Neighbours
from tests.tuning.samples import PYTHON

CIRCLE = File("geometry/circle.py", "python", PYTHON, "geometry")
OTHERS = [
    CIRCLE,
    File(
        "draw.py", "python", "from circle import largest\n\n\ndef draw(all):\n    largest(all)\n", "geometry"
    ),
    *(
        File(f"{name}.py", "python", f"def {name}(points):\n    return hull(points)\n", "geometry")
        for name in ("square", "oval", "line")
    ),
    File("elsewhere.py", "python", "def largest(numbers):\n    return max(numbers)\n", "numbers"),
    File("draw.go", "go", "func largest() {}\n", "geometry"),
]


def test_windows_come_from_files_of_the_same_source_and_language() -> None:
    neighbours, rng = Neighbours(OTHERS), random.Random(1)
    found = [one for _ in range(100) for one in neighbours.snippets(CIRCLE, "best = largest(circles)", rng)]
    assert {one.path for one in found} <= {"draw.py", "square.py", "oval.py", "line.py"}
    uses = [one for one in found if "largest" in one.text]
    assert len(uses) > len(found) / 2


def test_what_the_hole_calls_is_shown_from_its_definition_on() -> None:
    neighbours, rng = Neighbours(OTHERS), random.Random(1)
    found = [one for _ in range(100) for one in neighbours.snippets(CIRCLE, "square(points)", rng)]
    defined = [one for one in found if one.part is Part.DEFINITIONS]
    assert defined
    assert all(one.text.startswith("def square(points):") for one in defined)


def test_a_prompt_with_context_in_use_is_one_met_in_training(vocabulary: Vocabulary, taught: Layout) -> None:
    rng, seen = random.Random(1), 0
    suffix_id, prefix_id = taught.format.suffix_id, taught.format.prefix_id
    assert suffix_id is not None
    assert prefix_id is not None
    neighbours = Neighbours(OTHERS)
    examples = Examples(CIRCLE, vocabulary, taught, neighbours.snippets)
    for _ in range(200):
        example = examples.draw(rng, 200)
        if example is None or example.kind == "plain" or example.ids[0] == suffix_id:
            continue
        prompt = example.ids[: example.middle_at]
        marker = prompt.index(suffix_id)
        prefix = vocabulary.decode(prompt[example.prefix_at :])
        shown = vocabulary.decode(prompt[:marker])
        assert any(shown.lstrip().startswith(f"# {one.path}\n") for one in OTHERS if one is not CIRCLE)
        assert prefix.startswith("# geometry/circle.py")
        assert example.prefix_at > marker
        seen += 1
    assert seen > 20
    # In use the snippets stand in the same place: in front of the markers, the path behind them.
    (snippet, *_) = neighbours.snippets(CIRCLE, "largest(circles)", random.Random(2))
    used = build(
        vocabulary,
        taught.format,
        "best = \n",
        "\nreturn best",
        prefix_tokens=600,
        suffix_tokens=400,
        context_length=2048,
        max_tokens=16,
        context=Context(Found("geometry/circle.py", ("#", ""), "", (), (snippet,)), 0, 300),
    )
    marker = used.ids.index(suffix_id)
    assert vocabulary.decode(used.ids[:marker]).lstrip("\n") == render([snippet])
    before = used.ids.index(prefix_id) + 1
    assert vocabulary.decode(used.ids[before:]).startswith("# geometry/circle.py\n")
