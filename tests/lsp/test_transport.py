import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from slm_lsp.errors import SlmLspError
from slm_lsp.lsp import transport
from slm_lsp.lsp.server import build_server
from slm_lsp.lsp.session import Server
from slm_lsp.lsp.transport import bodies, serve_tcp
from tests.lsp.fakes import PATIENCE, FakeBackend
from tests.lsp.harness import Session, session


async def test_the_end_of_input_ends_the_session(backend: FakeBackend) -> None:
    async with session(backend) as client:
        await client.ready()
        client.hang_up()
        assert await client.exit_code == 1


async def test_the_end_of_input_after_shutdown_is_a_clean_end(backend: FakeBackend) -> None:
    async with session(backend) as client:
        await client.ready()
        await client.request("shutdown").result()
        client.hang_up()
        assert await client.exit_code == 0


async def test_exit_without_shutdown_is_a_failure(backend: FakeBackend) -> None:
    async with session(backend) as client:
        await client.ready()
        client.notify("exit")
        assert await client.exit_code == 1


async def test_exit_before_initialize_is_a_failure(backend: FakeBackend) -> None:
    async with session(backend) as client:
        client.notify("exit")
        assert await client.exit_code == 1


async def test_input_that_ends_within_a_message_ends_the_session(backend: FakeBackend) -> None:
    async with session(backend) as client:
        await client.ready()
        os.write(client._fd, b'Content-Length: 100\r\n\r\n{"json')
        client.hang_up()
        assert await client.exit_code == 1


async def test_a_large_document_arrives_whole(client: Session, backend: FakeBackend) -> None:
    await client.ready()
    text = "x = 1\n" * 200_000
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, client.open, text)  # it fills the pipe, which waits to be read
    await client.inline().result()
    assert "".join(backend.requests[-1].document.lines) == text


@asynccontextmanager
async def connected(address: tuple[str, int], serving: "asyncio.Task[int]") -> AsyncIterator[Session]:
    """Connect a client to a server over TCP."""
    reader, writer = await asyncio.open_connection(*address)
    client = Session(reader, os.dup(writer.get_extra_info("socket").fileno()))
    taking = asyncio.ensure_future(client.listen())
    client.exit_code = serving
    try:
        async with asyncio.timeout(PATIENCE):
            yield client
            client.hang_up()
            await taking
    finally:
        taking.cancel()
        writer.close()
        await writer.wait_closed()


async def serving(server: Server) -> tuple[tuple[str, int], "asyncio.Task[int]"]:
    """Serve over TCP; returns the address."""
    listening: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()
    task = asyncio.ensure_future(
        serve_tcp(server, "127.0.0.1", 0, lambda host, port: listening.set_result((host, port)))
    )
    return await listening, task


async def test_tcp_serves_the_first_client_and_refuses_others(backend: FakeBackend) -> None:
    address, task = await serving(build_server(backend.service))
    async with connected(address, task) as client:
        await client.ready()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)
        client.open("")
        assert (await client.inline().result())["items"]
        assert await client.leave() == 0


async def test_with_a_token_only_who_gives_it_is_served(backend: FakeBackend) -> None:
    address, task = await serving(build_server(backend.service, token="a-long-random-text"))
    opened: dict[str, Any] = {"processId": None, "rootUri": None, "capabilities": {}}
    for options in (None, {}, {"token": "another-random-text"}, {"token": 7}):
        async with connected(address, task) as client:
            params = {**opened, "initializationOptions": options}
            refused = await client.request("initialize", params).error()
            assert "`initializationOptions.token`" in refused["message"]
    assert backend.loads == []
    async with connected(address, task) as client:
        await client.ready(initializationOptions={"token": "a-long-random-text"})
        assert client.of("window/showMessage") == [], "the token is no setting"
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)
        assert await client.leave() == 0


async def test_who_gives_no_token_keeps_nobody_waiting(
    backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "ADMISSION_SECONDS", 0.05)
    address, task = await serving(build_server(backend.service, token="a-long-random-text"))
    _, silent = await asyncio.open_connection(*address)
    async with connected(address, task) as client:
        await client.ready(initializationOptions={"token": "a-long-random-text"})
        assert await client.leave() == 0
    silent.close()


async def test_an_address_in_use_is_one_sentence(backend: FakeBackend) -> None:
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    async with taken:
        with pytest.raises(SlmLspError, match=f"127.0.0.1:{port} can't be listened on"):
            await serve_tcp(build_server(backend.service), "127.0.0.1", port, lambda *_: None)


NOISE = {
    "no header": b"hello\r\n\r\n",
    "no number": b"Content-Length: many\r\n\r\n",
    "a negative number": b"Content-Length: -5\r\n\r\n",
    "more than can be": b"Content-Length: 999999999999\r\n\r\n",
    "a body that is longer than announced": b'Content-Length: 2\r\n\r\n{"jsonrpc": "2.0"}',
    "a header without a body": b"Content-Length: 0\r\n\r\n",
    "a header as long as a file": b"X: " + b"x" * 200_000 + b"\r\n",
    "bytes": bytes(range(256)) * 4 + b"\r\n",
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
async def test_noise_is_passed_over_up_to_the_next_header(noise: bytes) -> None:
    """pygls alone ends the session at some of these, and never finds back after others."""
    reader = asyncio.StreamReader()
    reader.feed_data(noise + b"content-length:4\r\nContent-Type: x\r\n\r\nnext")
    reader.feed_eof()
    found = [body async for body in bodies(reader)]
    assert found[-1] == b"next"
    assert len(found) <= 2
