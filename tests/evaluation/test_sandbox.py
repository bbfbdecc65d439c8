import socket
from pathlib import Path

import pytest

from slm_lsp.errors import SlmLspError
from slm_lsp.evaluation import sandbox
from slm_lsp.evaluation.sandbox import Verdict

PROGRAMS = {
    "assert 1 + 1 == 2": Verdict.PASSED,
    "assert 1 + 1 == 3": Verdict.WRONG,
    "undefined": Verdict.RAISED,
    "if True:\nx = 1": Verdict.SYNTAX,
    "def f(): f()\nf()": Verdict.RAISED,
    # Leaving before the test is no pass.
    "import sys; sys.exit(0)": Verdict.RAISED,
    "import os; os._exit(0)": Verdict.CRASHED,
    # Files in the program's own folder, and no more than that.
    "open('a', 'w').write('b'); assert open('a').read() == 'b'": Verdict.PASSED,
    "import os; assert os.listdir() == []": Verdict.PASSED,
    "open('../a', 'w')": Verdict.REFUSED,
    "import os; os.remove('../a')": Verdict.REFUSED,
    "with open('a', 'w') as file:\n    while True: file.write('a' * 100_000)": Verdict.RAISED,
}

LOOPS = [
    "while True: pass",
    "while True:\n  try:\n    while True: pass\n  except BaseException: pass",
    "while True: print('a' * 1000)",
]

HOGS = {
    "a = [0] * 10 ** 9": Verdict.MEMORY,
    "a = []\nwhile True: a.append('a' * 10 ** 6)": Verdict.MEMORY,
    "import os\nwhile True: os.fork()": Verdict.REFUSED,
    "import subprocess; subprocess.run(['true'])": Verdict.REFUSED,
    "import multiprocessing as m; m.get_context('spawn').Process(target=print).start()": Verdict.REFUSED,
    "import threading as t\nwhile True: t.Thread(target=t.Event().wait).start()": Verdict.RAISED,
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_ends_with_its_verdict(program: str) -> None:
    assert sandbox.run(program) is PROGRAMS[program]


@pytest.mark.parametrize("program", LOOPS)
def test_no_program_runs_for_ever(program: str) -> None:
    assert sandbox.run(program, cpu_seconds=1) is Verdict.TIMEOUT


@pytest.mark.parametrize("program", HOGS)
def test_no_program_takes_the_machine(program: str) -> None:
    # On a machine that is slow to give out memory, to take too much takes a while.
    assert sandbox.run(program, cpu_seconds=60, wall_seconds=120) is HOGS[program]


def test_a_program_that_only_waits_is_ended() -> None:
    assert sandbox.run("import time; time.sleep(60)", wall_seconds=1) is Verdict.TIMEOUT


@pytest.mark.parametrize(
    "connect",
    [
        "import socket; socket.create_connection(('127.0.0.1', {port}))",
        "import urllib.request as u; u.urlopen('http://127.0.0.1:{port}')",
        "import _socket; _socket.socket().connect(('127.0.0.1', {port}))",
    ],
)
def test_no_program_reaches_the_network(connect: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        verdict = sandbox.run(connect.format(port=server.getsockname()[1]))
        with pytest.raises(TimeoutError):
            server.accept()
    assert verdict is Verdict.REFUSED


def test_programs_see_neither_the_environment_nor_other_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1")
    assert sandbox.run("import os; assert 'SECRET' not in os.environ") is Verdict.PASSED
    assert sandbox.run("import numpy") is Verdict.RAISED


def test_sets_have_the_same_order_in_every_run() -> None:
    program = "assert list({'a', 'b', 'c', 'd', 'e'})[0] == 'a'"
    assert len({sandbox.run(program) for _ in range(5)}) == 1


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    sandbox.run("import os; os.makedirs('a/b'); open('a/b/c', 'w').close()")
    assert list(tmp_path.iterdir()) == []


def test_a_system_without_limits_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    with pytest.raises(SlmLspError, match="use Linux, macOS or WSL"):
        sandbox.check()
