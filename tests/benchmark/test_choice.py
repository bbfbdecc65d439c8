"""What to choose by: the Pareto front, the picture, and the page that needs no other file."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from slm_lsp.benchmark.choice import Choice, front, write
from slm_lsp.errors import SlmLspError

SMALL = Choice("small", "int8", "slm-lsp", 10**8, 10**8, 0.4, 0.1, 100.0, 200.0)
SLOW = replace(SMALL, name="slow", precision="float32", p50_ms=400.0)
LARGE = replace(SMALL, name="<large>", parameters=10**9, similarity=0.6, p50_ms=900.0)
WORSE = replace(LARGE, name="worse", similarity=0.5, p50_ms=1000.0)


def test_the_front_is_what_nothing_faster_beats() -> None:
    assert front([WORSE, LARGE, SLOW, SMALL]) == [SMALL, LARGE]
    assert front([SMALL, replace(SMALL, similarity=0.5)]) == [replace(SMALL, similarity=0.5)]
    assert front([]) == []


def test_picture_page_and_json_are_written(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write([SMALL, SLOW, LARGE], {"holes": 3}, folder)
    assert (folder / "models.png").read_bytes().startswith(b"\x89PNG")
    found = json.loads((folder / "models.json").read_text())
    assert [(row["name"], row["front"]) for row in found["models"]] == [
        ("small", True),
        ("slow", False),
        ("<large>", True),
    ]
    page = (folder / "models.html").read_text()
    assert "&lt;large&gt; int8" in page
    assert page.count("on the front") == 2
    assert page.count("<svg") == 1
    # Nothing is fetched when it is opened.
    assert "<script" not in page
    assert 'src="' not in page


def test_a_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SlmLspError, match="can't be written"):
        write([SMALL], {}, tmp_path / "file" / "out")
