"""What every test needs."""

from collections.abc import Iterator

import pytest

from slm_lsp import network
from slm_lsp.paths import STATE_VARIABLE


@pytest.fixture(autouse=True, scope="session")
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's own statistics out of the tests, and the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATE_VARIABLE, str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(autouse=True)
def _own_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget after each test what it let through and what was refused: both hold for the process."""
    for name in ("_addresses", "_paths", "_resolved", "_refused"):
        monkeypatch.setattr(network, name, {} if name != "_paths" else set())
