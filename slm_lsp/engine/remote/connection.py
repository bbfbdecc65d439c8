"""Connections to an endpoint: kept alive, in an event loop of their own, so that a wait can be called off."""

import asyncio
import json
import random
import ssl
import threading
from collections.abc import AsyncIterator, Generator
from queue import Empty, SimpleQueue
from typing import Any

import certifi
import httpx

from slm_lsp import network
from slm_lsp.cancel import CancelToken
from slm_lsp.engine.remote.endpoint import Endpoint
from slm_lsp.errors import EndpointError

Json = dict[str, Any]

TRIES = 3
"""How often a request is sent at most, as long as nothing of its answer has come."""

BACK_OFF = 0.1
"""Seconds before the second try; doubled before each further one, and drawn between half of it and all."""

BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses of a server that may answer if it is asked again."""

LONGEST_LINE, LONGEST_ANSWER = 1 << 20, 1 << 24
"""Bytes of an event, and of an answer, beyond which it is none."""

IDLE_SECONDS = 300.0
"""How long a connection is kept that nothing goes over."""

TICK = 1.0
"""Seconds after which a wait is looked at again: whoever watches sees that it goes on."""

_END = None


class Connection:
    """Speaks to one endpoint; its methods are called from one thread, and block it."""

    def __init__(self, endpoint: Endpoint, key: str) -> None:
        """Start the event loop; nothing is connected yet.

        Raises:
            EndpointError: the file of certificates can't be read.
        """
        trusted = _trusted(endpoint.authority)
        network.allow(*endpoint.address)
        self.endpoint = endpoint
        self._loop = asyncio.new_event_loop()
        self._client = httpx.AsyncClient(
            base_url=endpoint.url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            verify=trusted,
            timeout=endpoint.seconds,
            limits=httpx.Limits(max_connections=8, keepalive_expiry=IDLE_SECONDS),
            # The user named this address and no other: neither a proxy nor where it redirects to.
            trust_env=False,
            follow_redirects=False,
        )
        self._client.headers["Accept-Encoding"] = "identity"
        self._thread = threading.Thread(target=self._loop.run_forever, name="slm-endpoint", daemon=True)
        self._thread.start()

    def get(self, path: str, cancel: CancelToken) -> Json:
        """Return the JSON object at a path.

        Raises:
            Cancelled: the token was cancelled.
            EndpointError: it does not answer, or with something else.
        """
        (body,) = self._exchange("GET", path, None, cancel)
        return _object(body, self.endpoint.url)

    def stream(self, path: str, body: Json, cancel: CancelToken) -> Generator[Json, None, None]:
        """Send a request and yield the events of its answer; closing the iterator closes the stream.

        Raises:
            Cancelled: the token was cancelled.
            EndpointError: it does not answer in time, breaks off, or with something else.
        """
        for data in self._exchange("POST", path, body, cancel):
            event = _object(data, self.endpoint.url)
            if error := event.get("error"):
                raise EndpointError(f"{self.endpoint.url} failed: {_said(error)}")
            yield event

    def close(self) -> None:
        """Close all connections and end the event loop."""
        asyncio.run_coroutine_threadsafe(self._client.aclose(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        network.withdraw(*self.endpoint.address)

    def _exchange(
        self, method: str, path: str, body: Json | None, cancel: CancelToken
    ) -> Generator[bytes, None, None]:
        came: SimpleQueue[bytes | Exception | None] = SimpleQueue()
        cancel.check()
        task = asyncio.run_coroutine_threadsafe(self._answer(method, path, body, came), self._loop)
        task.add_done_callback(lambda _: came.put(_END))
        ended = False

        def stop() -> None:
            task.cancel()

        try:
            with cancel.calling(stop):
                while True:
                    try:
                        one = came.get(timeout=TICK)
                    except Empty:
                        cancel.check()
                        continue
                    if one is _END:
                        break
                    if isinstance(one, Exception):
                        raise one
                    yield one
            cancel.check()
            ended = True
        finally:
            if not ended:
                stop()

    async def _answer(
        self, method: str, path: str, body: Json | None, came: SimpleQueue[bytes | Exception | None]
    ) -> None:
        url = self.endpoint.url
        try:
            async with asyncio.timeout(self.endpoint.seconds):
                # What is behind the end is read as well, or the connection could not be used again.
                async for data in self._tried(method, path, body):
                    came.put(data)
        except TimeoutError:
            came.put(EndpointError(f"{url} did not answer within {self.endpoint.seconds:g} s"))
        except (httpx.HTTPError, OSError) as error:
            came.put(EndpointError(f"{url} can't be reached or broke off ({error or type(error).__name__})"))
        except Exception as error:  # raised again by the thread that waits
            came.put(error)

    async def _tried(self, method: str, path: str, body: Json | None) -> AsyncIterator[bytes | None]:
        """Yield what comes; try again while the server is busy or gone, and nothing has come."""
        for attempt in range(1, TRIES + 1):
            begun, wait = False, BACK_OFF * 2 ** (attempt - 1) * random.uniform(0.5, 1)
            try:
                async with self._client.stream(method, path, json=body) as response:
                    if response.status_code in BUSY and attempt < TRIES:
                        wait = max(wait, _retry_after(response))
                    else:
                        await self._check(response)
                        async for data in _events(response) if body else _whole(response):
                            begun = True
                            yield data
                        return
            except httpx.TransportError:
                if begun or attempt == TRIES:
                    raise
            await asyncio.sleep(wait)

    async def _check(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == httpx.codes.OK:
            return
        hint = "; look at its key" if status in (401, 403) else ""
        async for body in _whole(response):
            try:
                said = _said(json.loads(body)["error"])
            except (ValueError, KeyError, TypeError):
                said = _said(body.decode(errors="replace"))
            raise EndpointError(f"{self.endpoint.url} refused with status {status}{hint}: {said}")


async def _events(response: httpx.Response) -> AsyncIterator[bytes | None]:
    """Yield the data of server-sent events, and `_END` once one says that it was the last.

    Raises:
        EndpointError: they break off, have no end, or are none.
    """
    kind = response.headers.get("Content-Type", "")
    if not kind.startswith("text/event-stream"):
        raise EndpointError(f"{response.url.host} answers with {kind or 'nothing'} instead of a stream")
    rest, total, ended = b"", 0, False
    async for chunk in response.aiter_raw():
        *lines, rest = (rest + chunk).split(b"\n")
        total += len(chunk)
        if len(rest) > LONGEST_LINE or total > LONGEST_ANSWER:
            raise EndpointError(f"{response.url.host} answers without an end")
        for line in lines:
            name, _, data = line.rstrip(b"\r").partition(b":")
            if name not in (b"data", b"error"):
                continue
            if ended or data.strip() == b"[DONE]":
                ended = True
                yield _END
            else:
                yield data if name == b"data" else b'{"error":' + data + b"}"
    if not ended:
        raise EndpointError(f"{response.url.host} broke off in the middle of an answer")


async def _whole(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the body at once, as far as `LONGEST_LINE`."""
    body = b""
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > LONGEST_LINE:
            break
    yield body[:LONGEST_LINE]


def _retry_after(response: httpx.Response) -> float:
    """Return the seconds that a busy server asks for."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else 0.0


def _object(data: bytes, url: str) -> Json:
    try:
        value = json.loads(data)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise EndpointError(f"{url} answers with something that is not JSON; is it a completion server?")
    return value


def _said(error: object) -> str:
    """Return what a server says of an error, in one short line."""
    if isinstance(error, dict):
        error = error.get("message") or error
    return " ".join(str(error).split())[:200]


def _trusted(authority: str) -> ssl.SSLContext:
    try:
        trusted = ssl.create_default_context(cafile=authority or None)
        if not authority:
            # Not every system has authorities where Python looks for them.
            trusted.load_verify_locations(certifi.where())
    except OSError as error:
        raise EndpointError(
            f"the certificates in {authority} can't be read ({error}); see `endpointAuthority`."
        ) from error
    return trusted
