"""Pulling from a hub: whole, resumed, locked, refused; and then the model completes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from slm_lsp.cli.models import app
from slm_lsp.completion import loading
from slm_lsp.engine.llama import native
from slm_lsp.errors import DownloadError, ModelInvalid, ModelNotFound, UsageError
from slm_lsp.models import lock, store
from slm_lsp.models.known import KNOWN, KnownModel
from tests import families, tokenizers
from tests.models.hub_server import Hub, serving

REPOSITORY = "acme/coder-1b"
WEIGHTS = "model.safetensors"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model in Qwen's shape with its tokenizer, and things that nobody should fetch."""
    folder = tmp_path_factory.mktemp("repository")
    families.save(folder, "qwen2", tokenizers.save_family(folder, "qwen").get_vocab_size())
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (folder / "modeling_coder.py").write_text("raise SystemExit('no code of a model may run')")
    (folder / "README.md").write_text("# Coder")
    return folder


@pytest.fixture
def hub(published: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(native, "kernels", lambda _progress: None)
    monkeypatch.setattr(loading, "make_ready", lambda _progress: None)
    row = KnownModel("coder", "Coder", "Apache-2.0", 1000, "qwen", 1000, hub=REPOSITORY)
    monkeypatch.setitem(KNOWN, "coder", row)
    with serving(Hub.of(REPOSITORY, published)) as served:
        monkeypatch.setenv("HF_ENDPOINT", served.url)
        yield served


def pull(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["pull", *arguments])


def refused(*arguments: str) -> str:
    failed = pull(*arguments)
    assert isinstance(failed.exception, DownloadError), failed
    return str(failed.exception)


@pytest.mark.parametrize("name", ["coder", REPOSITORY])
def test_a_pulled_model_is_converted_and_locked(hub: Hub, name: str) -> None:
    done = pull(name)
    assert done.exit_code == 0, done.exception
    assert hub.revision in done.stdout
    files = store.locate(name)
    assert files.converted
    folder = store.hub_folder(name)
    kept = lock.read(folder)
    assert kept
    assert (kept.repository, kept.revision) == (REPOSITORY, hub.revision)
    there = {path.name for path in folder.iterdir() if path.is_file()}
    assert {file.name for file in kept.files} == there - {lock.LOCK_FILE}
    assert not {"pytorch_model.bin", "modeling_coder.py", "README.md"} & {file.name for file in kept.files}
    freed = store.remove(name)
    assert freed > kept.size
    with pytest.raises(ModelNotFound, match=f"run `slm-lsp models pull {name}`"):
        store.locate(name)


def test_a_cut_connection_goes_on_where_it_stopped(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    # What the library writes at a time; of less it keeps nothing.
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1000)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    hub.cut_after = [1000]
    assert pull("coder").exit_code == 0
    wanted = [range for method, path, range in hub.requests if method == "GET" and path.endswith(WEIGHTS)]
    assert wanted == [None, "bytes=1000-"]


def test_a_second_pull_checks_every_file_and_mends_what_was_altered(hub: Hub) -> None:
    pull("coder")
    path = store.hub_folder("coder") / WEIGHTS
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"x")
    hub.requests.clear()
    assert pull("coder").exit_code == 0
    assert path.read_bytes() == whole
    fetched = [path for method, path, _ in hub.requests if method == "GET" and "/resolve/" in path]
    assert len(fetched) == 1


def test_what_was_fetched_first_stays_though_the_hub_moves_on(hub: Hub) -> None:
    pull("coder")
    first, hub.revision = hub.revision, "2" * 40
    assert "no longer has what was fetched first" in refused("coder")
    kept = lock.read(store.hub_folder("coder"))
    assert kept
    assert kept.revision == first


def test_another_file_at_the_same_revision_is_refused(hub: Hub) -> None:
    pull("coder")
    (store.hub_folder("coder") / WEIGHTS).unlink()
    hub.files[WEIGHTS] = hub.files[WEIGHTS][:-1] + b"x"
    assert "is not what was fetched first" in refused("coder")
    with pytest.raises(ModelInvalid, match="is missing, or is not what was fetched"):
        store.locate("coder")


def test_a_file_that_is_not_what_the_hub_states_is_refused(hub: Hub) -> None:
    hub.stated[WEIGHTS] = "0" * 64
    assert "is not what the hub itself states" in refused("coder")
    with pytest.raises(ModelNotFound):
        store.locate("coder")


def test_a_repository_of_pickles_is_refused(hub: Hub) -> None:
    del hub.files[WEIGHTS]
    assert "holds no weights as safetensors" in str(pull("coder").exception)


def test_a_licence_with_conditions_has_to_be_accepted(hub: Hub) -> None:
    hub.licence = "llama2"
    failed = pull(REPOSITORY)
    assert isinstance(failed.exception, UsageError)
    assert f"{hub.url}/{REPOSITORY}" in str(failed.exception)
    assert not any("/resolve/" in path for _, path, _ in hub.requests)
    assert pull(REPOSITORY, "--accept-licence").exit_code == 0
    # What was accepted once is accepted.
    assert pull(REPOSITORY).exit_code == 0


def test_failures_are_one_sentence(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "has no model acme/other; check the name, or set HF_TOKEN" in refused("acme/other")
    hub.gated = True
    assert "accepted its terms" in refused("coder")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    assert "check the network, HF_ENDPOINT and HTTPS_PROXY" in refused("coder")
