"""A llama.cpp server on this machine."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from slm_lsp.benchmark.race import Timed
from slm_lsp.errors import SlmLspError, UsageError

Json = dict[str, Any]


class LlamaCpp:
    """Where a server with the same weights listens; a runner (see `slm_lsp.benchmark.race`)."""

    def __init__(self, url: str) -> None:
        """Take an address.

        Raises:
            UsageError: it is not on this machine, where the code has to stay.
        """
        parts = urlsplit(url)
        if parts.scheme != "http" or parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            raise UsageError("--peer takes an address on this machine, such as http://127.0.0.1:8080.")
        self.host, self.port = parts.hostname, parts.port or 80

    async def post(self, body: Json) -> Json:
        """Post to ``/completion`` and return the answer.

        Raises:
            SlmLspError: it does not answer, or refuses.
        """
        data = json.dumps(body).encode()
        try:
            reader, writer = await asyncio.open_connection(self.host, self.port)
            writer.write(
                b"POST /completion HTTP/1.1\r\nHost: peer\r\nContent-Type: application/json\r\n"
                b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(data), data)
            )
            head = await reader.readuntil(b"\r\n\r\n")
            answer = await reader.read()
            writer.close()
        except (OSError, asyncio.IncompleteReadError) as error:
            raise SlmLspError(f"the peer does not answer ({error}); start its server first.") from error
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise SlmLspError(f"the peer refused a request: {answer[:200].decode(errors='replace')}")
        found: Json = json.loads(answer)
        return found

    def complete(self, prompt: Sequence[int], count: int) -> Timed:
        """See `slm_lsp.benchmark.race.Runner`; the times are the server's own, without what the way takes."""
        body = {
            "prompt": [*prompt],
            "n_predict": count,
            "cache_prompt": False,
            "ignore_eos": True,
            "temperature": 0.0,
            "samplers": ["temperature"],
        }
        times = asyncio.run(self.post(body))["timings"]
        written = times["predicted_ms"] / 1e3
        return Timed(times["prompt_ms"] / 1e3, written, written)
