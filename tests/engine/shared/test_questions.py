"""Windows that have memory and names of their own, and an engine in common that asks them."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from slm_lsp.cancel import CancelToken
from slm_lsp.engine.interface import Decoding, Token, Usage
from slm_lsp.engine.llama.engine import LlamaEngine, load
from slm_lsp.engine.shared.client import SharedEngine
from slm_lsp.engine.shared.host import Host
from slm_lsp.engine.shared.place import Place
from slm_lsp.engine.shared.wire import Wire
from tests.engine.growing import grow
from tests.engine.test_llama import FAMILIES, PROMPT, Known, Only, Sure, loaded, model, write


class Held(Only):
    """Goes over the socket as its text."""

    text = b"held"


DECODINGS = {
    "names": Decoding(20, names=Known()),
    "memory": Decoding(20, memory=Sure(True)),
    "both": Decoding(20, memory=Sure(True), names=Known(), margin=3.0),
    "both, behind what was taken off": Decoding(
        20, memory=Sure(False), names=Known(), constraint=Held, margin=3.0
    ),
}


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LlamaEngine, SharedEngine]]:
    """An engine, and one like it in a process in common (here a thread)."""
    weights, sockets = (tmp_path_factory.mktemp(name) for name in ("tiny", "sockets"))
    sockets.chmod(0o700)
    write(model(FAMILIES["llama"]), weights)
    place = Place.of(Path(sockets), "test")
    with loaded(weights) as own:
        host = Host(place.listen())
        common = load(weights, 2, 16, lambda fraction, message: None)  # which the host closes
        serving = threading.Thread(target=host.serve, args=(common, {}, lambda text: Held()), daemon=True)
        serving.start()

        def join() -> tuple[Wire, dict[str, object]]:
            wire = Wire(place.connect())
            while message := wire.receive(20.0):
                if ready := message[0].get("ready"):
                    return wire, ready
            raise AssertionError

        window = SharedEngine(join)
        yield own, window
        window.close()
        host._close()
        serving.join(20.0)


@pytest.mark.parametrize("name", DECODINGS)
def test_a_window_writes_what_it_would_alone(name: str, engines: tuple[LlamaEngine, SharedEngine]) -> None:
    texts, decoding = list[list[Token]](), DECODINGS[name]
    for engine in engines:
        usage = Usage()
        texts.append(list(engine.generate(PROMPT, decoding, CancelToken(), usage)))
        assert usage.named + usage.recalled == sum(one.named + one.recalled for one in texts[-1]) > 0
    assert texts[0] == texts[1]


@pytest.mark.parametrize("name", DECODINGS)
def test_a_window_finds_what_it_would_alone(name: str, engines: tuple[LlamaEngine, SharedEngine]) -> None:
    found = []
    for engine in engines:
        ended = set[int]()
        several = engine.generate_several(PROMPT, 3, DECODINGS[name], CancelToken(), Usage(), ended)
        found.append(grow(several, ended))
    assert found[0] == found[1]
    assert any(token.named or token.recalled for text in found[0].values() for token in text)
