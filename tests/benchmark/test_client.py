import asyncio
import sys
from asyncio.subprocess import PIPE

import pytest

from slm_lsp.benchmark.client import Client
from slm_lsp.errors import SlmLspError


async def test_a_request_to_a_server_that_has_ended_is_not_waited_for() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "", stdin=PIPE, stdout=PIPE)
    client = Client(process)
    await client.ended()
    with pytest.raises(SlmLspError, match="the server ended"):
        await client.request("shutdown", None)
