import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from slm_lsp.errors import SlmLspError
from slm_lsp.tuning import dataset
from slm_lsp.tuning.dataset import Dataset
from slm_lsp.tuning.examples import Example


def examples(number: int) -> Iterator[Example]:
    rng = random.Random(1)
    for index in range(number):
        length = rng.randint(20, 200)
        yield Example([index, *range(1, length)], 3, length - 5, "line")


def test_every_example_is_in_one_batch_with_little_padding(tmp_path: Path) -> None:
    dataset.write(tmp_path / "set", examples(1000), {})
    data = Dataset(tmp_path / "set")
    batches = data.batches(1, 1024)
    assert sorted(np.concatenate(batches).tolist()) == list(range(1000))
    padded = sum(data.batch(batch).ids.size for batch in batches)
    assert padded < 1.05 * data.tokens
    assert max(data.batch(batch).ids.size for batch in batches) <= 1024


def test_an_example_comes_back_as_it_was_written(tmp_path: Path) -> None:
    dataset.write(tmp_path / "set", examples(10), {"model": "x"})
    data = Dataset(tmp_path / "set")
    written = list(examples(10))
    batch = data.batch([3, 7])
    for row, index in enumerate((3, 7)):
        length = batch.length[row]
        assert batch.ids[row, :length].tolist() == written[index].ids
        assert batch.ids[row, length:].tolist() == [0] * (batch.ids.shape[1] - length)
        assert (batch.prefix_at[row], batch.middle_at[row]) == (3, length - 5)
    assert data.about["model"] == "x"
    assert data.about["kinds"] == {"line": 10}


def test_a_seed_fixes_the_order(tmp_path: Path) -> None:
    dataset.write(tmp_path / "set", examples(100), {})
    data = Dataset(tmp_path / "set")

    def order(seed: int) -> list[list[int]]:
        return [batch.tolist() for batch in data.batches(seed, 512)]

    assert order(1) == order(1)
    assert order(1) != order(2)


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[Example]:
        yield from examples(3)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dataset.write(tmp_path / "set", broken(), {})
    assert not (tmp_path / "set").exists()


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(SlmLspError, match="No space left on device"):
        dataset.write(tmp_path / "set", examples(3), {})
    assert list(tmp_path.iterdir()) == []


def test_no_example_at_all_is_said(tmp_path: Path) -> None:
    with pytest.raises(SlmLspError, match="no example"):
        dataset.write(tmp_path / "set", iter(()), {})
