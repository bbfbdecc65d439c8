"""Real files typed through the real server with the real model: what is shown is sound and stands still."""

from pathlib import Path

import pytest

from slm_lsp.benchmark.replay import replayed, unbalances

SAMPLES = Path(__file__).parent.parent / "samples"


@pytest.mark.model
@pytest.mark.process
async def test_what_is_shown_is_sound_and_stands_still(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing duplicates what follows, unbalances brackets, or changes while the user types what it says."""
    files = [SAMPLES / name for name in ("ledger.py", "cart.ts", "queue.go", "stack.rs")]
    found = await replayed(files, {"model": "smollm2-135m", "eagerness": 98}, keys=72, seed=1)
    with capsys.disabled():
        print(f"\n{found.keys} keys, sources {dict(found.sources)}, reasons {dict(found.reasons)}")  # noqa: T201
    assert found.faults == []
    assert found.shown > 0
    assert found.sources["cache"] >= len(found.cached_ms) > 0
    assert max(found.finished) <= 2


@pytest.mark.parametrize(
    ("text", "worse"),
    [("a, b)", False), ("a, b", False), ("a, b))", True), ("a, [b])", False), ("a, [b", True)],
)
def test_brackets_are_unbalanced_by_what_lacks_a_partner(text: str, worse: bool) -> None:
    assert unbalances("x = f(", text, "\ny = 1\n", "python") is worse


@pytest.mark.parametrize(("text", "worse"), [("a", False), ("a)", True), ("(a", True)])
def test_what_follows_counts(text: str, worse: bool) -> None:
    assert unbalances("x = f(", text, ")\n", "python") is worse
