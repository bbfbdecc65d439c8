"""Finding models on disk, converting the known ones once, and letting go of them."""

import hashlib
import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from slm_lsp.config import Settings
from slm_lsp.errors import ModelError, ModelInvalid, ModelNotFound
from slm_lsp.models import adapter, convert, store
from slm_lsp.models.convert import float_tensors
from slm_lsp.models.gguf_reader import read
from slm_lsp.models.known import EMBEDDED, KNOWN, Shipped
from slm_lsp.models.layout import CONVERTER_VERSIONS, DENSE_FILE, lean_file
from slm_lsp.tokens.vocabulary import Vocabulary
from tests.models import tiny as tiny_model
from tests.models.tiny import Published


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of the user's own."""
    made = tmp_path / "mine"
    made.mkdir()
    (made / "config.json").write_text('{"model_type": "llama"}')
    save_file({"a": np.zeros((4, 4), np.float32)}, made / "model.safetensors")
    return made


def test_the_default_of_the_settings_is_known() -> None:
    assert Settings().model == EMBEDDED
    assert EMBEDDED in KNOWN


def test_a_known_model_is_converted_when_it_is_first_asked_for(fetched: Published) -> None:
    seen: list[tuple[float, str]] = []
    files = store.locate("tiny", lambda done, what: seen.append((done, what)))
    assert (files.name, files.gguf, files.converted) == ("tiny", None, True)
    assert sorted(file.name for file in files.folder.iterdir()) == [
        "config.json",
        lean_file("int8"),
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert seen[-1] == (1.0, "converted")
    seen.clear()
    assert store.locate("tiny", lambda done, what: seen.append((done, what))) == files
    assert seen == []


def test_dense_weights_lie_beside_the_others(fetched: Published) -> None:
    int8, dense = store.locate("tiny"), store.locate("tiny", form="dense")
    assert not dense.converted
    assert dense.folder != int8.folder
    assert (dense.folder / DENSE_FILE).is_file()
    assert (int8.folder / lean_file("int8")).is_file()


def test_an_adapter_is_merged_into_a_conversion_of_its_own(fetched: Published, tmp_path: Path) -> None:
    name = "model.layers.1.mlp.up_proj"
    base = dict(float_tensors(read(store.gguf_path("tiny"))))
    high = np.zeros((tiny_model.INNER, 1), dtype=np.float16)
    high[3] = 1
    tensors = {f"{name}.lora_A": np.ones((1, tiny_model.HIDDEN), dtype=np.float16), f"{name}.lora_B": high}
    about = adapter.About(
        "tiny", adapter.fingerprint(base), 1, {"<|im_start|>": "[PREFIX]"}, [], "MIT", 1, 1.0
    )
    path = tmp_path / "own.safetensors"
    adapter.write(path, adapter.Adapter(about, tensors))

    plain, tuned = store.locate("tiny", form="dense"), store.locate("tiny", form="dense", adapter=str(path))
    before = load_file(plain.folder / DENSE_FILE)[f"{name}.weight"]
    after = load_file(tuned.folder / DENSE_FILE)[f"{name}.weight"]
    changed = np.abs(after - before).max(axis=1)
    assert changed[3] == pytest.approx(1)
    assert np.delete(changed, 3).max() == 0
    assert "[PREFIX]" in Vocabulary.load(tuned.folder).special
    assert "[PREFIX]" not in Vocabulary.load(plain.folder).special
    # Neither conversion throws the other out.
    assert plain.folder.is_dir()
    assert store.locate("tiny", adapter=str(path)).converted


def test_an_own_adapter_comes_on_top_of_the_one_that_ships(
    fetched: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, base = "model.layers.1.mlp.up_proj", dict(float_tensors(read(store.gguf_path("tiny"))))

    def written(file: str, row: int, rename: dict[str, str]) -> Path:
        high = np.zeros((tiny_model.INNER, 1), dtype=np.float16)
        high[row] = 1
        tensors = {
            f"{name}.lora_A": np.ones((1, tiny_model.HIDDEN), dtype=np.float16),
            f"{name}.lora_B": high,
        }
        about = adapter.About("tiny", adapter.fingerprint(base), 1, rename, [], "MIT", 1, 1.0)
        adapter.write(tmp_path / file, adapter.Adapter(about, tensors))
        return tmp_path / file

    shipped = written("shipped.safetensors", 3, {"<|im_start|>": "[PREFIX]"})
    digest = hashlib.sha256(shipped.read_bytes()).hexdigest()
    monkeypatch.setitem(KNOWN, "tiny", replace(KNOWN["tiny"], adapter=Shipped(str(shipped), digest)))
    own = str(written("own.safetensors", 5, {}))
    found = {wish: store.locate("tiny", form="dense", adapter=wish).folder for wish in ("none", "", own)}
    weights = {wish: load_file(folder / DENSE_FILE)[f"{name}.weight"] for wish, folder in found.items()}
    changed = {wish: np.flatnonzero((weights[wish] != weights["none"]).any(1)).tolist() for wish in found}
    assert changed == {"none": [], "": [3], own: [3, 5]}
    named = {wish for wish, folder in found.items() if "[PREFIX]" in Vocabulary.load(folder).special}
    assert named == {"", own}

    newer = written("newer.safetensors", 7, {})
    digest = hashlib.sha256(newer.read_bytes()).hexdigest()
    monkeypatch.setitem(KNOWN, "tiny", replace(KNOWN["tiny"], adapter=Shipped(str(newer), digest)))
    again = {wish: store.locate("tiny", form="dense", adapter=wish).folder for wish in (own, "")}
    # What the adapter of an older version was merged into is of no use any more.
    assert set(found["none"].parent.glob("dense-*")) == {found["none"], *again.values()}


def test_what_ships_with_a_model_is_what_the_table_says() -> None:
    shipped = [row for row in KNOWN.values() if row.adapter]
    assert [row.name for row in shipped] == [EMBEDDED]
    for row in shipped:
        assert row.adapter
        assert hashlib.sha256(row.adapter.path.read_bytes()).hexdigest() == row.adapter.sha256
        assert row.adapter.path.stat().st_size <= 20_000_000
        about = adapter.read_about(row.adapter.path)
        assert (about.base, about.licence.split(";")[0]) == (row.name, row.licence)


@pytest.mark.parametrize("harm", ["cut off", "altered", "gone"])
def test_an_adapter_that_ships_is_merged_only_if_it_is_whole(
    fetched: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    base = dict(float_tensors(read(store.gguf_path("tiny"))))
    about = adapter.About("tiny", adapter.fingerprint(base), 1, {}, [], "MIT", 1, 1.0)
    path = tmp_path / "shipped.safetensors"
    adapter.write(path, adapter.Adapter(about, {"x": np.zeros(9)}))
    whole = path.read_bytes()
    digest = hashlib.sha256(whole).hexdigest()
    monkeypatch.setitem(KNOWN, "tiny", replace(KNOWN["tiny"], adapter=Shipped(str(path), digest)))
    path.unlink()
    if harm != "gone":
        path.write_bytes(whole[:-1] + b"\1" * (harm == "altered"))
    with pytest.raises(ModelInvalid, match="install slm-lsp again, or set `adapter` to `none`"):
        store.locate("tiny")
    assert store.locate("tiny", adapter="none").converted
    path.write_bytes(whole)
    assert store.locate("tiny").converted


def test_an_adapter_of_another_model_or_of_none_is_refused(fetched: Published, tmp_path: Path) -> None:
    about = adapter.About("tiny", "0" * 64, 1, {}, [], "MIT", 1, 1.0)
    adapter.write(tmp_path / "other.safetensors", adapter.Adapter(about, {"x": np.zeros(1)}))
    (tmp_path / "torn.safetensors").write_bytes(b"torn")
    with pytest.raises(ModelInvalid, match="not the model in use"):
        store.locate("tiny", adapter=str(tmp_path / "other.safetensors"))
    with pytest.raises(ModelInvalid, match="tune again"):
        store.locate("tiny", adapter=str(tmp_path / "torn.safetensors"))
    with pytest.raises(ModelNotFound, match="no adapter"):
        store.locate("tiny", adapter=str(tmp_path / "missing.safetensors"))
    with pytest.raises(ModelInvalid, match="comes as a GGUF file"):
        store.locate(str(tmp_path), adapter=str(tmp_path / "torn.safetensors"))


def test_two_processes_that_convert_at_once_get_one_whole_model(fetched: Published) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: store.locate("tiny"), range(4)))
    assert len(set(found)) == 1
    names = {file.name for file in found[0].folder.parent.iterdir()}
    assert names == {fetched.source.name, found[0].folder.name}


def test_converted_weights_that_were_cut_off_are_made_again(fetched: Published) -> None:
    path = store.locate("tiny").folder / lean_file("int8")
    whole = load_file(path)
    path.write_bytes(path.read_bytes()[:-10])
    store.locate("tiny")
    assert load_file(path).keys() == whole.keys()


def test_what_an_older_converter_wrote_is_made_again(
    fetched: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = store.locate("tiny").folder
    dense = store.locate("tiny", form="dense").folder
    monkeypatch.setitem(CONVERTER_VERSIONS, "int8", 1_000_000)
    newer = store.locate("tiny").folder
    assert newer != older
    assert not older.exists()
    assert dense.exists()


def test_a_conversion_that_fails_leaves_nothing(fetched: Published, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(convert, "save", fail)
    with pytest.raises(ModelError, match="is full; free some space"):
        store.locate("tiny")
    assert [file.name for file in store.gguf_path("tiny").parent.iterdir()] == [fetched.source.name]


def test_what_a_killed_conversion_left_is_cleared(fetched: Published) -> None:
    stale = store.gguf_path("tiny").with_name(".new-killed")
    stale.mkdir()
    (stale / lean_file("int8")).write_bytes(b"half")
    store.locate("tiny")
    assert not stale.exists()


def test_a_known_model_that_is_not_there_is_to_be_pulled(tiny: Published) -> None:
    with pytest.raises(ModelNotFound, match="tiny is not on disk; run `slm-lsp models pull tiny`"):
        store.locate("tiny")


def test_an_altered_gguf_is_refused(fetched: Published) -> None:
    store.gguf_path("tiny").write_bytes(fetched.gguf[:-1] + b"x")
    assert not store.verified("tiny")
    with pytest.raises(ModelInvalid, match="was cut off or altered; run `slm-lsp models pull tiny`"):
        store.locate("tiny")


def test_a_folder_of_the_users_own(folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = store.locate(str(folder))
    assert (files.folder, files.gguf, files.converted) == (folder, None, False)
    monkeypatch.chdir(folder.parent)
    assert store.locate("mine").folder == folder
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelInvalid, match=r"holds no model\.safetensors"):
        store.locate("mine")


def test_a_gguf_of_the_users_own(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "mine.gguf"
    tiny_model.write_gguf(path, tiny_model.weights())
    files = store.locate(str(path), form="dense")
    assert (files.gguf, files.converted) == (path, False)
    assert Vocabulary.load(files.folder).same_as(Vocabulary.from_gguf(path))
    files = store.locate(str(path))
    assert (files.gguf, files.converted) == (None, True)
    assert store.locate(str(path)) == files
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelInvalid, match="is damaged or cut off"):
        store.locate(str(path))


def test_a_known_model_is_left_as_it_is_if_it_can_be(fetched: Published, tmp_path: Path) -> None:
    files = store.locate("tiny", form="dense", as_it_is=True)
    assert (files.gguf, files.converted) == (store.gguf_path("tiny"), False)
    assert {file.name for file in files.folder.iterdir()} == {"tokenizer.json", "tokenizer_config.json"}
    assert Vocabulary.load(files.folder).same_as(Vocabulary.load(store.locate("tiny").folder))
    assert store.locate("tiny", as_it_is=True).converted
    store.gguf_path("tiny").write_bytes(fetched.gguf[:-1] + b"x")
    with pytest.raises(ModelInvalid, match="was cut off or altered"):
        store.locate("tiny", form="dense", as_it_is=True)


HUB_SCRIPT = """
import sys
from slm_lsp.models.store import locate
try:
    print(locate("acme/coder").folder)
except Exception as error:
    print(type(error).__name__, error)
assert "transformers" not in sys.modules and "torch" not in sys.modules
"""


def test_a_model_of_the_local_hub_cache(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process of its own, for huggingface_hub reads where its cache is when it is imported."""

    def found() -> str:
        done = subprocess.run([sys.executable, "-c", HUB_SCRIPT], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert found().startswith("ModelNotFound The model acme/coder is not on disk; run `slm-lsp models pull")
    home, commit = tmp_path / "hub" / "models--acme--coder", "0" * 40
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(commit)
    snapshot = home / "snapshots" / commit
    shutil.copytree(folder, snapshot)
    assert found() == str(snapshot)
    (snapshot / "model.safetensors").unlink()
    assert found().startswith("ModelInvalid")


@pytest.mark.parametrize("name", ["unheard-of", "/nowhere/model.gguf", "~nobody/x/y", "a/b/c"])
def test_a_name_that_stands_for_nothing_is_explained(cache: Path, name: str) -> None:
    with pytest.raises(ModelNotFound, match=r"neither a known model .* nor a file or folder"):
        store.locate(name)


def test_listing_and_removing(fetched: Published) -> None:
    def row() -> store.Installed:
        return next(one for one in store.list_known() if one.model.name == "tiny")

    assert (row().fetched, row().converted, row().size) == (True, False, len(fetched.gguf))
    files = store.locate("tiny")
    taken = row().size
    assert row().converted
    assert taken > len(fetched.gguf) + (files.folder / lean_file("int8")).stat().st_size
    assert store.remove("tiny") == taken
    assert (row().fetched, row().converted, row().size) == (False, False, 0)
    with pytest.raises(ModelNotFound, match="tiny is not on disk; there is nothing to remove"):
        store.remove("tiny")


def test_only_known_models_can_be_removed(folder: Path, cache: Path) -> None:
    with pytest.raises(ModelNotFound, match="There is no known model"):
        store.remove(str(folder))
    assert folder.is_dir()


WARM_SCRIPT = """
import json, sys
from slm_lsp.models import known, store
known.KNOWN["tiny"] = known._row("tiny", json.loads(sys.argv[1]))
assert store.locate("tiny").converted
heavy = {"torch", "transformers", "tokenizers", "numpy", "httpx", "huggingface_hub"} & sys.modules.keys()
assert not heavy, heavy
"""


def test_a_warm_start_imports_nothing_heavy(fetched: Published) -> None:
    store.locate("tiny")
    row = {
        "title": "Tiny",
        "licence": "MIT",
        "parameters": 1,
        "format": "plain",
        "gguf": asdict(fetched.source),
    }
    subprocess.run([sys.executable, "-c", WARM_SCRIPT, json.dumps(row)], check=True)
