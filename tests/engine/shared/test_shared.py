"""Windows and the process that owns the engine, over a real socket; the two are threads here."""

import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from slm_lsp.cancel import Cancelled, CancelToken
from slm_lsp.engine.interface import Decoding, Usage
from slm_lsp.engine.scripted import ScriptedEngine
from slm_lsp.engine.shared.client import SharedEngine
from slm_lsp.engine.shared.host import Host
from slm_lsp.engine.shared.place import Place
from slm_lsp.engine.shared.wire import Wire
from slm_lsp.errors import ModelError
from slm_lsp.tokens.healing import TailConstraint
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.engine.growing import grow, ids
from tests.tokenizers import tokenizer

PATIENCE = 20.0


class Bench:
    """A host with a scripted engine, and windows that join it."""

    def __init__(self, folder: Path, linger: float = 60.0) -> None:
        folder.chmod(0o700)
        self.vocabulary = Vocabulary(tokenizer("smollm"))
        self.place = Place.of(folder, "test")
        self.engine = ScriptedEngine(self.script, hook=lambda _token: self.hook())
        self.hook: Callable[[], Any] = lambda: None
        self.host = Host(self.place.listen(), linger)
        self._windows: list[SharedEngine] = []
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def script(self, prompt: Sequence[int]) -> list[int]:
        """Count on from the last token of the prompt, up to 40."""
        if prompt[-1] == 99:
            raise ModelError("99 is too much")
        return list(range(prompt[-1] + 1, 41))

    def _serve(self) -> None:
        self.host.progress(0.5, "half way")
        self.host.serve(
            self.engine, {"name": "scripted"}, lambda text: TailConstraint(self.vocabulary, text.decode())
        )

    def join(self) -> tuple[Wire, dict[str, Any]]:
        wire = Wire(self.place.connect())
        while message := wire.receive(PATIENCE):
            if ready := message[0].get("ready"):
                return wire, ready
        raise AssertionError

    def window(self) -> SharedEngine:
        self._windows.append(SharedEngine(self.join))
        return self._windows[-1]

    def close(self) -> None:
        for window in self._windows:
            window.close()
        self.host._close()
        self.thread.join(PATIENCE)
        assert self.engine.closed


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def write(window: SharedEngine, last: int, usage: Usage | None = None, **how: Any) -> list[int]:
    decoding = Decoding(**{"max_tokens": 5, **how})
    tokens = window.generate([1, 2, last], decoding, CancelToken(), usage or Usage())
    return [token.id for token in tokens]


def test_the_socket_is_the_users_alone(bench: Bench, tmp_path: Path) -> None:
    assert stat.S_IMODE(Path(bench.place.address).stat().st_mode) == 0o600
    tmp_path.chmod(0o755)
    with pytest.raises(ModelError, match="open to others"):
        Place.of(tmp_path, "test")
    tmp_path.chmod(0o700)


def test_a_window_gets_what_the_engine_writes(bench: Bench) -> None:
    window, usage = bench.window(), Usage()
    assert window.info == bench.engine.info
    assert write(window, 10, usage) == [11, 12, 13, 14, 15]
    assert (usage.prefilled, usage.decoded, usage.ended) == (3, 5, False)
    assert write(window, 38, usage) == [39, 40]
    assert usage.ended
    assert write(window, 10, stop_ids=frozenset({13})) == [11, 12]


def test_the_beginning_of_a_text_is_held_to(bench: Bench) -> None:
    window = bench.window()
    text = bench.vocabulary.decode(bench.vocabulary.encode("return"))
    decoding = Decoding(20, constraint=lambda: TailConstraint(bench.vocabulary, text))
    tokens = [token.id for token in window.generate([1], decoding, CancelToken(), Usage())]
    assert bench.vocabulary.decode(tokens).startswith("return")


def test_texts_end_one_by_one(bench: Bench) -> None:
    bench.engine._others = lambda _prompt: [[50, 51, 52, 53, 54]]
    ended = set[int]()
    several = bench.window().generate_several([10], 2, Decoding(5), CancelToken(), Usage(), ended)
    # The engine hears of it before it goes on: nothing is written for nobody.
    texts = grow(several, ended, lambda text: text[0].id == 11)
    assert ids(texts) == [[11], [50, 51, 52, 53, 54]]
    assert [id in ended for id in texts] == [True, False]


def test_closing_the_iterator_stops_the_engine(bench: Bench) -> None:
    went_on = threading.Semaphore(0)
    bench.hook = lambda: went_on.release()
    window = bench.window()
    tokens = window.generate([1], Decoding(10_000), CancelToken(), Usage())
    next(tokens)
    tokens.close()
    # What was under way does not mix with what comes next.
    assert write(window, 20) == [21, 22, 23, 24, 25]


def test_a_wait_is_called_off(bench: Bench) -> None:
    held = threading.Event()
    bench.hook = lambda: held.wait(PATIENCE)
    window, cancel = bench.window(), CancelToken()

    def call_off() -> None:
        cancel.cancel()
        held.set()

    timer = threading.Timer(0.05, call_off)
    timer.start()
    with pytest.raises(Cancelled):
        for _ in window.generate([1], Decoding(30), cancel, Usage()):
            pass
    timer.join()


def test_windows_share_the_engine_slice_by_slice(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slm_lsp.engine.shared.turns.SLICE", 0.0)
    first, second = bench.window(), bench.window()
    begun, asked = threading.Event(), threading.Event()

    def hook() -> None:
        begun.set()
        asked.wait(PATIENCE)

    bench.hook = hook
    texts: dict[str, list[int]] = {}
    one = threading.Thread(target=lambda: texts.update(one=write(first, 10, max_tokens=8)))
    one.start()
    begun.wait(PATIENCE)
    two = threading.Thread(target=lambda: texts.update(two=write(second, 20, max_tokens=8)))
    two.start()
    while not bench.host._turns._waiting:
        pass
    asked.set()
    one.join(PATIENCE)
    two.join(PATIENCE)
    assert texts == {"one": list(range(11, 19)), "two": list(range(21, 29))}
    # The first went on, from where it was, after the second had its turn.
    assert len(bench.engine.prompts) > 2


def test_the_engine_survives_the_death_of_a_window(bench: Bench) -> None:
    held = threading.Event()
    bench.hook = lambda: held.wait(PATIENCE)
    dying, other = bench.window(), bench.window()
    tokens = dying.generate([1], Decoding(30), CancelToken(), Usage())
    next_one = threading.Thread(target=lambda: next(tokens, None))
    next_one.start()
    while not bench.engine.prompts:
        pass
    assert dying._wire
    dying._wire._connection.send_bytes(b"{")  # half a message
    held.set()
    next_one.join(PATIENCE)
    dying.close()
    assert write(other, 10) == [11, 12, 13, 14, 15]


def test_an_engines_failure_is_told(bench: Bench) -> None:
    window = bench.window()
    with pytest.raises(ModelError, match="99 is too much"):
        write(window, 99)
    assert write(window, 10)


def test_an_engine_that_is_gone_is_joined_anew(bench: Bench, tmp_path: Path) -> None:
    window = bench.window()
    bench.host._close()
    bench.thread.join(PATIENCE)
    assert window._wire
    window._wire.close()
    again = Bench(tmp_path)
    window._join = again.join
    assert write(window, 10)
    window.close()
    again.close()


def test_the_engine_leaves_after_the_last_window(tmp_path: Path) -> None:
    bench = Bench(tmp_path, linger=0.05)
    window = bench.window()
    assert write(window, 10)
    assert bench.thread.is_alive()
    window.close()
    bench.thread.join(PATIENCE)
    assert not bench.thread.is_alive()
    assert bench.engine.closed
    assert not Path(bench.place.address).exists()


def test_what_keeps_the_engine_from_loading_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    place = Place.of(tmp_path, "test")
    host = Host(place.listen())
    wire = Wire(place.connect())
    wire.receive(PATIENCE)
    host.failed("there is no such model")
    message = wire.receive(PATIENCE)
    assert message
    assert message[0] == {"failed": "there is no such model"}
    wire.close()
