"""The process that owns the engine: windows come and go, their work is done in turns."""

import logging
import math
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, astuple
from multiprocessing.connection import Listener
from queue import Empty, SimpleQueue

from slm_lsp.cancel import Cancelled
from slm_lsp.engine.interface import Constraint, Decoding, Engine, Grown, Sampling, Usage
from slm_lsp.engine.shared.questions import Asked
from slm_lsp.engine.shared.turns import Turn, Turns
from slm_lsp.engine.shared.wire import LOST, Header, Wire
from slm_lsp.errors import ModelError

log = logging.getLogger(__name__)

LINGER = 60.0
"""Seconds that an engine stays after the last window has left."""

PATIENCE = 1.0
"""Seconds that a window has for an answer to the engine: others wait meanwhile."""

Held = Callable[[bytes], Constraint]
"""Makes the constraint that holds a text to its beginning."""


class Job(Turn):
    """What a window asked for; `written` is what came of it in earlier slices."""

    def __init__(self, wire: Wire, header: Header, prompt: Sequence[int], held: Held) -> None:
        kind = header["do"]
        drawn = header.get("sampling")
        # Several texts can't be taken up again behind a token, nor can a draw.
        whole = "count" in header or drawn is not None
        super().__init__(wire, background=kind == "prefill", whole=whole)
        self._sampling = Sampling(**drawn) if drawn else None
        self.wire, self.number, self.kind = wire, header["job"], kind
        self.prompt = list(prompt)
        self.several, self.count = "count" in header, header.get("count", 1)
        self.max_tokens, self._margin = header.get("max", 0), header.get("margin", math.inf)
        self.stop_ids = frozenset(header.get("stop", ()))
        text = bytes.fromhex(header.get("text", ""))
        # One for the whole text, whatever the number of slices; several have one each.
        self._constraint = held(text) if text else None
        self._make = (lambda: held(text)) if text else (lambda: None)
        self._names, self._memory = header.get("names", False), header.get("memory", False)
        self._asked = len(self.prompt)
        self.usage = Usage()
        self.ended = set[int]()
        self.said = SimpleQueue[tuple[Header, Sequence[int]] | None]()
        self.begun = False

    def cancel(self) -> None:
        """Call it off, also while its window is waited for."""
        super().cancel()
        self.said.put(None)

    def decoding(self) -> Decoding:
        """Return how the next slice is decoded."""
        make = self._make if self.several else (lambda: self._constraint)
        asked = Asked(self._ask, self.prompt[self._asked :])
        return Decoding(
            self.max_tokens,
            self.stop_ids,
            None,
            make,
            self._sampling,
            memory=asked if self._memory else None,
            names=asked if self._names else None,
            margin=self._margin,
        )

    def tell(self, header: Header, ids: Sequence[int] = ()) -> None:
        """Tell the window; if it is gone, the job is called off."""
        try:
            self.wire.send({"job": self.number, **header}, ids)
        except LOST:
            self.cancel()

    def heard(self) -> tuple[Header, Sequence[int]]:
        """Wait for what the window says.

        Raises:
            ModelError: it does not say anything.
            Cancelled: it wants no more.
        """
        try:
            said = self.said.get(timeout=PATIENCE)
        except Empty as error:
            raise ModelError("the window left the shared engine waiting; ask again.") from error
        if said is None:
            raise Cancelled
        return said

    def _ask(self, header: Header, ids: Sequence[int]) -> tuple[Header, Sequence[int]]:
        self.tell(header, ids)
        return self.heard()

    def cost(self, usage: Usage) -> Header:
        """Return what the job cost so far, with the slice that runs; going on after a pause is no reuse."""
        now = asdict(usage)
        if self.begun:
            now["reused"] = 0
        cost = {name: value + now[name] for name, value in asdict(self.usage).items()}
        return cost | {"ended": usage.ended}


class Host:
    """Accepts windows and serves them, until the last has been gone for `linger` seconds.

    `welcome` is what a window is told once the engine is there.
    """

    def __init__(self, listener: Listener, linger: float = LINGER) -> None:
        self._listener, self._linger = listener, linger
        self._turns = Turns()
        self._lock = threading.Lock()
        self._windows: set[Wire] = set()
        self._news: Header = {"progress": 0.0, "message": "starting"}
        self._held: Held | None = None
        self._timer: threading.Timer | None = None
        self._closing = False
        threading.Thread(target=self._accept, name="slm-accept", daemon=True).start()
        self._wait_for_windows()

    def progress(self, fraction: float, message: str) -> None:
        """Tell all windows how far loading is."""
        self._tell({"progress": fraction, "message": message})

    def failed(self, sentence: str) -> None:
        """Tell all windows that there will be no engine."""
        self._tell({"failed": sentence})
        self._close()

    def serve(self, engine: Engine, welcome: Header, held: Held) -> None:
        """Serve with an engine until nobody is there; it is closed then."""
        self._held = held
        self._tell({"ready": welcome | {"info": asdict(engine.info)}})
        try:
            while turn := self._turns.take():
                assert isinstance(turn, Job)
                self._slice(engine, turn)
                self._turns.ended()
        finally:
            engine.close()

    def _slice(self, engine: Engine, job: Job) -> None:
        """Do a slice of a job; queue it again, or tell its window that it is over."""
        usage = Usage()
        over = False
        try:
            over = self._work(engine, job, usage)
        except Cancelled:
            over = job.cancelled
        except ModelError as error:
            job.tell({"error": str(error)})
            return
        except Exception as error:
            log.exception("the engine failed")
            job.tell({"error": f"the shared engine failed ({type(error).__name__}); see its log."})
            return
        cost = job.cost(usage)
        if over or job.cancelled:
            job.tell({"cost": cost, "ended": sorted(job.ended)})
        else:
            job.usage, job.begun = Usage(**cost), True
            self._turns.add(job)

    def _work(self, engine: Engine, job: Job, usage: Usage) -> bool:
        """Let the engine work on a job; returns whether it is over."""
        if job.cancelled:
            return True
        decoding = job.decoding()
        if job.kind == "shrink":
            engine.shrink()
        elif job.kind == "prefill":
            engine.prefill(job.prompt, job.token, usage)
        elif job.several:
            several = engine.generate_several(job.prompt, job.count, decoding, job.token, usage, job.ended)
            with closing(several):
                for grown in several:
                    self._write(job, grown, usage)
                    # The window says first which texts it wants no more of.
                    job.ended.update(job.heard()[0]["ended"])
        else:
            # It goes on behind what it wrote in earlier slices.
            with closing(engine.generate(job.prompt, decoding, job.token, usage)) as tokens:
                for token in tokens:
                    job.prompt.append(token.id)
                    job.max_tokens -= 1
                    self._write(job, [Grown(0, 0, token)], usage)
        return True

    def _write(self, job: Job, grown: Sequence[Grown], usage: Usage) -> None:
        said = [[one.id, one.parent, *astuple(one.token)[1:]] for one in grown]
        told = {"grown": said, "cost": job.cost(usage), "ended": sorted(job.ended)}
        job.tell(told, [one.token.id for one in grown])

    def _accept(self) -> None:
        while not self._closing:
            try:
                wire = Wire(self._listener.accept())
            except (*LOST, ModelError):
                continue  # a window that died while it connected
            threading.Thread(target=self._serve_window, args=(wire,), name="slm-window", daemon=True).start()

    def _serve_window(self, wire: Wire) -> None:
        """Read what a window asks for, until it is gone."""
        with self._lock:
            self._windows.add(wire)
            if self._timer:
                self._timer.cancel()
        jobs: dict[int, Job] = {}
        try:
            wire.send(self._news)
            while message := wire.receive():
                self._take(wire, jobs, *message)
        except LOST:
            pass
        finally:
            self._turns.leave(wire)
            wire.close()
            with self._lock:
                self._windows.discard(wire)
            self._wait_for_windows()

    def _take(self, wire: Wire, jobs: dict[int, Job], header: Header, ids: Sequence[int]) -> None:
        number = header["job"]
        if header["do"] == "cancel":
            if job := jobs.pop(number, None):
                job.cancel()
        elif header["do"] == "say":
            if job := jobs.get(number):
                job.said.put((header, ids))
        elif self._held:
            jobs.clear()  # a window asks for one thing at a time
            job = jobs[number] = Job(wire, header, ids, self._held)
            self._turns.add(job)

    def _tell(self, news: Header) -> None:
        with self._lock:
            self._news = news
            windows = list(self._windows)
        for wire in windows:
            try:
                wire.send(news)
            except LOST:
                log.debug("a window is gone")

    def _wait_for_windows(self) -> None:
        """Leave in a while, if no window is there until then."""
        with self._lock:
            if self._windows:
                return
            if self._timer:
                self._timer.cancel()
            self._timer = threading.Timer(self._linger, self._leave)
            self._timer.daemon = True
            self._timer.start()

    def _leave(self) -> None:
        with self._lock:
            if self._windows:
                return
        self._close()

    def _close(self) -> None:
        self._closing = True
        self._listener.close()
        self._turns.close()
