from collections.abc import AsyncIterator

import pytest

from tests.lsp.fakes import FakeBackend
from tests.lsp.harness import Session, session


@pytest.fixture
def backend() -> FakeBackend:
    return FakeBackend()


@pytest.fixture
async def client(backend: FakeBackend, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Session]:
    """A client of a running server; the server must leave cleanly and log no error."""
    async with session(backend) as client:
        yield client
    assert [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []
