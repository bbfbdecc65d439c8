"""The real server process, but for its model: slow, talkative, and stuck if told to be.

Run as ``python -m tests.process.slow_server [stuck]``. Loading prints to standard output in every way that a
library may, and reads standard input. ``stuck`` makes the load sleep where nothing can interrupt it.
"""

import os
import sys
import time

from slm_lsp.lsp.lifecycle import claim_stdio, finish

STDIO = claim_stdio()

from slm_lsp.completion.model import LoadedModel, Progress  # noqa: E402
from slm_lsp.config import Settings  # noqa: E402
from slm_lsp.lsp.server import build_server, start_io  # noqa: E402
from tests.lsp.fakes import FakeBackend  # noqa: E402

NOISE = "noise on standard output"


class TalkativeBackend(FakeBackend):
    """Prints while it loads."""

    def load(self, settings: Settings, progress: Progress) -> LoadedModel:
        """Print, read, and sleep if told to."""
        print(NOISE, "from Python", flush=True)  # noqa: T201
        os.write(1, f"{NOISE} from C\n".encode())
        os.system(f"echo {NOISE} from a child")
        assert sys.stdin.read() == ""
        if "stuck" in sys.argv:
            time.sleep(600)
        return super().load(settings, progress)


if __name__ == "__main__":
    finish(start_io(build_server(TalkativeBackend().service), *STDIO))
