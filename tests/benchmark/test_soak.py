from pathlib import Path

import pytest

from slm_lsp.benchmark.soak import Sample, Soaked, soak, sources
from slm_lsp.errors import SlmLspError, UsageError

SAMPLES = Path(__file__).parent.parent / "samples"


def soaked(*megabytes: float, threads: int = 9, more_threads: int = 0) -> Soaked:
    """A run with a sample each second, the first three of them in the warm-up."""
    made = Soaked(3.0)
    for at, size in enumerate(megabytes, 1):
        count = threads + (more_threads if at > len(megabytes) / 2 else 0)
        made.samples.append(Sample(at, size, count, 8, 5, (10.0 * at,)))
    return made


def test_what_the_warm_up_takes_is_no_growth() -> None:
    flat = soaked(100, 200, 300, *[400] * 20)
    assert flat.growth() == 0
    assert flat.complaints() == []
    warm, *_, last = flat.stretches()
    assert (warm.until, warm.megabytes, last.until, last.p50_ms) == (3, 200, 23, 215)


def test_a_leak_is_told() -> None:
    (complaint,) = soaked(100, 200, 300, *range(400, 440, 2)).complaints()
    assert "resident size grew by" in complaint


def test_threads_that_are_left_behind_are_told() -> None:
    assert soaked(*[400] * 23, more_threads=3).complaints() == []
    (complaint,) = soaked(*[400] * 23, more_threads=4).complaints()
    assert complaint == "there were 9 threads after the warm-up and 13 at the end"


def test_source_files_are_found_in_folders(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("# notes\n\nof mine\n")
    with pytest.raises(UsageError, match="no source file"):
        sources([tmp_path])
    (tmp_path / "a.py").write_text("a = 1\nb = 2\n")
    (tmp_path / "latin.py").write_bytes(b"a = '\xe9'\nb = 2\n")
    assert sources([tmp_path]) == [tmp_path / "a.py"]


@pytest.mark.process
async def test_a_server_without_its_model_is_one_sentence() -> None:
    with pytest.raises(SlmLspError, match="could not load its model"):
        await soak([SAMPLES], {"model": "/no/such/model"}, 0.2, 0, lambda sample: None)
