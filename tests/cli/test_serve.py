import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from slm_lsp.cli import serve
from slm_lsp.errors import UsageError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:5007", ("127.0.0.1", 5007)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:5007", ("::1", 5007)),
        ("127.8.8.8:1", ("127.8.8.8", 1)),
    ],
)
def test_loopback_addresses_are_taken(text: str, address: tuple[str, int]) -> None:
    assert serve._address(text, allow_remote=False) == address


@pytest.mark.parametrize("text", ["0.0.0.0:5007", "192.168.1.2:5007", "[::]:5007", "example.org:5007"])
def test_other_addresses_need_a_flag(text: str) -> None:
    with pytest.raises(UsageError, match="--allow-remote"):
        serve._address(text, allow_remote=False)
    assert serve._address(text, allow_remote=True)[1] == 5007


def test_beyond_this_machine_a_token_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(serve.TOKEN_VARIABLE, raising=False)
    assert serve._token("127.0.0.1") is None
    with pytest.raises(UsageError, match="set SLM_LSP_TOKEN"):
        serve._token("0.0.0.0")
    monkeypatch.setenv(serve.TOKEN_VARIABLE, "short")
    with pytest.raises(UsageError, match="can be guessed"):
        serve._token("0.0.0.0")
    monkeypatch.setenv(serve.TOKEN_VARIABLE, "a-long-random-text")
    assert serve._token("0.0.0.0") == serve._token("::1") == "a-long-random-text"


@pytest.mark.parametrize(
    "text", ["", "5007", ":5007", "127.0.0.1", "127.0.0.1:", "a:b", "a:70000", "a:-1", "a:²"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="HOST:PORT"):
        serve._address(text, allow_remote=True)


@contextmanager
def own_logging() -> Iterator[None]:
    """Let a test set up the logging of the process, and put it back."""
    root = logging.getLogger()
    loggers = [root, logging.getLogger("slm_lsp"), logging.getLogger("pygls")]
    levels, handlers = [one.level for one in loggers], root.handlers[:]
    root.handlers.clear()
    try:
        yield
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:] = handlers
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)


@pytest.mark.parametrize(("verbose", "lines"), [(0, 1), (1, 2), (2, 3), (9, 3)])
def test_the_log_says_more_if_asked_to(tmp_path: Path, verbose: int, lines: int) -> None:
    with own_logging():
        serve.log_to(tmp_path / "log", verbose)
        log = logging.getLogger("slm_lsp.lsp")
        log.warning("a")
        log.info("b")
        log.debug("c")
        logging.getLogger("httpx").info("another library's")
        logging.getLogger("pygls.protocol.json_rpc").info("the user's code")
    assert len((tmp_path / "log").read_text().splitlines()) == lines


def test_a_log_file_that_cannot_be_written_is_bad_usage(tmp_path: Path) -> None:
    with own_logging(), pytest.raises(UsageError, match="can't be written"):
        serve.log_to(tmp_path / "no" / "log", 0)
