import asyncio
import os

import pytest

from slm_lsp.errors import SlmLspError
from slm_lsp.lsp.server import build_server
from slm_lsp.lsp.transport import serve_tcp
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


async def test_tcp_serves_the_first_client_and_refuses_others(backend: FakeBackend) -> None:
    listening: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()
    server = build_server(backend.service)
    serving = asyncio.ensure_future(
        serve_tcp(server, "127.0.0.1", 0, lambda host, port: listening.set_result((host, port)))
    )
    host, port = await listening
    reader, writer = await asyncio.open_connection(host, port)
    client = Session(reader, os.dup(writer.get_extra_info("socket").fileno()))
    taking = asyncio.ensure_future(client.listen())
    client.exit_code = serving
    async with asyncio.timeout(PATIENCE):
        await client.ready()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(host, port)
        client.open("")
        assert (await client.inline().result())["items"]
        assert await client.leave() == 0
        client.hang_up()
        await taking
        writer.close()
        await writer.wait_closed()


async def test_an_address_in_use_is_one_sentence(backend: FakeBackend) -> None:
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    async with taken:
        with pytest.raises(SlmLspError, match=f"127.0.0.1:{port} can't be listened on"):
            await serve_tcp(build_server(backend.service), "127.0.0.1", port, lambda *_: None)
