"""The threads that run a pass together."""

import threading

from slm_lsp.engine.llama.native import Kernels
from slm_lsp.engine.llama.plan import Plan


class Team:
    """Runs passes on the calling thread and on `threads` - 1 others, which sleep in between.

    The others need not be on time: what they don't do, the calling thread does (see
    `slm_lsp.engine.llama.kernels.team`).
    """

    def __init__(self, kernels: Kernels, plan: Plan, threads: int) -> None:
        self._kernels, self._plan = kernels, plan
        self._closed = False
        self._wake = [threading.Semaphore(0) for _ in range(threads - 1)]
        self._threads = [
            threading.Thread(
                target=self._help, args=(place + 1, wake), name=f"slm-helper-{place}", daemon=True
            )
            for place, wake in enumerate(self._wake)
        ]
        for thread in self._threads:
            thread.start()

    def run(self) -> bool:
        """Run the pass that the plan holds; return False if it was stopped."""
        for wake in self._wake:
            wake.release()
        return self._kernels.join(self._plan.address, 0)

    def close(self) -> None:
        """End the other threads."""
        self._closed = True
        for wake in self._wake:
            wake.release()
        for thread in self._threads:
            thread.join()

    def _help(self, place: int, wake: threading.Semaphore) -> None:
        while True:
            wake.acquire()
            if self._closed:
                return
            self._kernels.join(self._plan.address, place)
