"""The device and the number of threads."""

import os
from pathlib import Path

import psutil
import pytest
import torch

from slm_lsp.engine import device
from slm_lsp.errors import ModelError


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight physical cores, sixteen logical ones, and a quota to be written."""
    monkeypatch.setattr(psutil, "cpu_count", lambda logical=True: 16 if logical else 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(16)), raising=False)
    monkeypatch.setattr(device, "_QUOTA", tmp_path / "cpu.max")
    return tmp_path / "cpu.max"


def test_one_thread_for_each_physical_core(machine: Path) -> None:
    assert device.physical_cores() == 8
    machine.write_text("max 100000\n")
    assert device.physical_cores() == 8


@pytest.mark.parametrize(
    ("quota", "cores"), [("200000 100000", 2), ("50000 100000", 1), ("900000 100000", 8)]
)
def test_a_containers_quota_is_kept(machine: Path, quota: str, cores: int) -> None:
    machine.write_text(quota + "\n")
    assert device.physical_cores() == cores


def test_the_processors_that_the_process_is_bound_to(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {3}, raising=False)
    assert device.physical_cores() == 1


def test_a_machine_that_does_not_tell_its_physical_cores(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda logical=True: None)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert device.physical_cores() == 4


def test_auto_takes_an_accelerator_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert device.choose_device("auto") == "cpu"
    with pytest.raises(ModelError, match="finds no cuda device here; set `device` to auto or cpu"):
        device.choose_device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    # Without a driver torch, which takes a second to import, is not even asked.
    assert device.choose_device("auto") == "cpu"
    monkeypatch.setattr(device, "_may_have_accelerator", lambda: True)
    assert device.choose_device("auto") == device.choose_device("cuda") == "cuda"
    assert device.choose_device("cpu") == "cpu"


def test_describe_says_what_would_be_taken() -> None:
    info = device.describe()
    assert info.torch_version == torch.__version__
    assert info.device == device.choose_device("auto")
    assert info.threads == device.physical_cores()
