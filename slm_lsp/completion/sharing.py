"""A model in another process, for all windows: joining the one that serves it, and being the one."""

import json
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

from filelock import FileLock

from slm_lsp import __version__
from slm_lsp.completion.loading import chat_of, composed, parts
from slm_lsp.completion.memory import give_back
from slm_lsp.completion.model import LoadedModel, Progress
from slm_lsp.config import Settings
from slm_lsp.engine.shared.client import SharedEngine
from slm_lsp.engine.shared.place import Place
from slm_lsp.engine.shared.wire import LOST, PROTOCOL, Header, Wire
from slm_lsp.errors import ModelError
from slm_lsp.paths import cache_dir, runtime_dir, state_dir

SETTINGS = ("model", "adapter", "device", "precision", "threads", "cache_memory")
"""What an engine depends on: windows that agree on all of it share one."""

START_SECONDS = 60.0
"""How long a new process may take until it listens; loading the model comes after that."""


def load(settings: Settings, progress: Progress) -> LoadedModel:
    """Load the models that the settings name, those on this machine into processes that all windows share.

    Raises:
        ModelError: one is not on disk, or can't be loaded; the message says what to do.
    """
    return composed(settings, progress, _shared)


def serve(settings: Settings) -> None:
    """Be the process that owns the engine for these settings, until a minute after the last window has left.

    Raises:
        OSError: another one listens already.
    """
    # No window needs them.
    from slm_lsp.engine.shared.host import Host
    from slm_lsp.tokens.healing import TailConstraint

    host = Host(_place(settings).listen())
    try:
        files, vocabulary, engine = parts(settings, host.progress)
    except Exception as error:
        host.failed(str(error))
        raise
    welcome = {"name": files.name, "folder": str(files.folder)}
    host.serve(engine, welcome, lambda text: TailConstraint(vocabulary, text.decode()))


def _shared(settings: Settings, progress: Progress) -> LoadedModel:
    """Join the engine of a model, and load what the window itself needs of it."""
    from slm_lsp.prompt.formats import detect
    from slm_lsp.tokens.vocabulary import Vocabulary

    place, said = _place(settings), list[Header]()

    def join() -> tuple[Wire, Header]:
        wire, welcome = _join(place, settings, progress)
        said.append(welcome)
        return wire, welcome

    engine = SharedEngine(join)
    folder = Path(said[0]["folder"])
    vocabulary = Vocabulary.load(folder)
    # Its table is made when it is first used, and making it leaves more behind than it takes.
    vocabulary.token_bytes(0)
    give_back()
    name = f"{said[0]['name']} + {settings.adapter}" if settings.adapter else said[0]["name"]
    format = detect(vocabulary, chat_of(settings, folder, vocabulary))
    return LoadedModel(name, engine, vocabulary, format)


def _place(settings: Settings) -> Place:
    chosen = [getattr(settings, name) for name in SETTINGS]
    identity = json.dumps([__version__, PROTOCOL, sys.executable, str(cache_dir()), *chosen])
    return Place.of(runtime_dir(), identity)


def _join(place: Place, settings: Settings, progress: Progress) -> tuple[Wire, Header]:
    """Connect to the engine's process, start it if there is none, and wait until its engine is ready."""
    for _ in range(3):
        wire = _connect(place) or _start(place, settings)
        try:
            return wire, _ready(wire, progress)
        except LOST:
            wire.close()  # it was about to leave
    raise ModelError(f"the shared engine ends while it starts; see {_log()}.")


def _connect(place: Place) -> Wire | None:
    try:
        return Wire(place.connect())
    except LOST:
        return None


def _start(place: Place, settings: Settings) -> Wire:
    """Start the engine's process, unless another window has done so meanwhile, and connect to it."""
    with FileLock(place.lock):
        if wire := _connect(place):
            return wire
        chosen = {name: getattr(settings, name) for name in SETTINGS}
        with _log().open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "slm_lsp", "engine", json.dumps(chosen)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                # It outlives this window, and what a terminal does to that.
                start_new_session=True,
                creationflags=getattr(subprocess, "DETACHED_PROCESS", 0),
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            if wire := _connect(place):
                # Its end is taken note of, or its process would be kept as long as this one lives.
                Thread(target=process.wait, name="the engine's end", daemon=True).start()
                return wire
            time.sleep(0.02)
    raise ModelError(f"the shared engine does not start; see {_log()}.")


def _ready(wire: Wire, progress: Progress) -> Header:
    """Wait until the engine is loaded; return what its process says of it."""
    while message := wire.receive():
        news, _ = message
        if "ready" in news:
            ready: Header = news["ready"]
            return ready
        if "failed" in news:
            raise ModelError(news["failed"])
        progress(news["progress"], news["message"])
    raise EOFError


def _log() -> Path:
    return state_dir() / "engine.log"
