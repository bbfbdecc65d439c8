"""A session whose text goes to a server: what the user is told of it."""

from dataclasses import replace
from pathlib import Path

from slm_lsp.completion.loading import remote
from slm_lsp.completion.model import LoadedModel, Reserve
from slm_lsp.completion.router import Router
from slm_lsp.config import Settings
from slm_lsp.engine.remote.connection import TRIES
from slm_lsp.engine.scripted import ScriptedEngine
from slm_lsp.prompt.formats import detect
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.engine.remote.faults import Faulty, serving
from tests.lsp.fakes import FakeBackend
from tests.lsp.harness import Session
from tests.tokenizers import save_family, tokenizer


async def test_the_status_says_where_text_goes_and_the_log_who_answers_instead(
    client: Session, backend: FakeBackend, tmp_path: Path
) -> None:
    save_family(tmp_path, "qwen")
    vocabulary = Vocabulary(tokenizer("smollm"))
    engine = ScriptedEngine(lambda _prompt: vocabulary.encode("here"))
    local = LoadedModel("local", engine, vocabulary, detect(vocabulary))
    with serving(Faulty(lambda _body: ["there"])) as server:
        settings = Settings(endpoint=server.url, endpoint_tokenizer=str(tmp_path))
        backend.model = replace(remote(settings), reserve=Reserve(lambda: local))
        backend.pipeline = Router()
        await client.ready(initializationOptions={"eagerness": 100})
        client.open("x = ")

        (item,) = (await client.inline(0, 4).result())["items"]
        assert item["insertText"] == "there"
        endpoint = (await client.status())["endpoint"]
        assert endpoint == {
            "address": server.url,
            "kind": "llama.cpp",
            "model": "coder",
            "use": "everything",
            "failure": None,
            "resting": False,
        }

        server.faults = [503] * TRIES
        (item,) = (await client.inline(0, 4).result())["items"]
        assert item["insertText"] == "here"
        assert "status 503" in (await client.status())["endpoint"]["failure"]
        (said,) = client.of("window/logMessage")
        assert "local answers until it works again" in said["message"]
        why = await client.why()
        assert why
        assert why["model"] == "local"
        assert "status 503" in why["stages"][0]["detail"]
