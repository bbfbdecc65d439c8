"""Where the models are: the known ones in the cache folder, and the user's own."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slm_lsp.errors import ModelInvalid, ModelNotFound
from slm_lsp.models import converted, disk, lock
from slm_lsp.models.converted import AdapterFile, ModelFiles
from slm_lsp.models.known import EMBEDDED, KNOWN, KnownModel, known, wheel_source
from slm_lsp.models.layout import CONVERTER_VERSIONS, Form, Progress
from slm_lsp.paths import cache_dir, state_dir

if TYPE_CHECKING:
    from slm_lsp.models.gguf_reader import Gguf

ADAPTER_FILE = "adapter.safetensors"
"""What a run of `slm-lsp tune` calls its adapter."""

PUBLISHED = "none"
"""The value of the setting `adapter` that leaves a model as it was published."""

_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


@dataclass(frozen=True, slots=True)
class Installed:
    """What the cache folder holds of a known model; `size` in bytes, with what a broken download left."""

    model: KnownModel
    folder: Path
    size: int
    fetched: bool
    converted: bool


@dataclass(frozen=True, slots=True)
class Tuned:
    """An adapter on disk: the name of its run, which the setting `adapter` takes, and its file."""

    name: str
    path: Path


def locate(
    name: str,
    progress: Progress | None = None,
    *,
    form: Form = "int8",
    adapter: str = "",
    as_it_is: bool = False,
) -> ModelFiles:
    """Return the files of the model that `name` stands for, without touching the network.

    `name` is a known model's, a folder in Hugging Face layout, a ``.gguf`` file, or the id of a model that
    was pulled or is in the local hub cache; the first of these that there is. A known model that comes as a
    GGUF file is converted to `form` when that is first asked for, and to "dense" where the lean engine does
    not run its architecture; with `as_it_is` it is left as it is instead of "dense", unless there are
    adapters. Adapters (see `adapters`) are merged into it when they are first asked for together. A folder of
    Llama's shape is converted as well, unless to "dense", which it is; what was made of it before it changed
    is removed.

    Raises:
        ModelNotFound: there is no such model on disk.
        ModelInvalid: it is cut off, altered, or of a kind that is refused.
        ModelError: the cache folder can't be read or written.
    """
    progress = progress or (lambda _done, _what: None)
    row = KNOWN.get(name)
    if row and row.gguf:
        merged = adapters(row, adapter)
        return converted.of_gguf(name, row.gguf, _home(name), progress, form, merged, as_it_is)
    if adapter not in ("", PUBLISHED):
        raise ModelInvalid(
            f"An adapter can't be used with {name}, only with a model that comes as a GGUF file "
            f"({EMBEDDED} is one); unset `adapter`."
        )
    path = Path(name).expanduser().absolute()
    with disk.explained(path):
        if not row and path.is_dir():
            return converted.of_folder(name, path, progress, form)
        if not row and path.is_file():
            return converted.of_file(name, path, progress, form)
        if row or _HUB_ID.fullmatch(name):
            return converted.of_folder(name, _from_hub(name), progress, form)
    raise ModelNotFound(
        f"There is no model {name}: it is neither a known model (`slm-lsp models list`) nor a file or folder."
    )


def gguf_path(name: str) -> Path:
    """Return where a known model's GGUF file is, or is to be."""
    return _home(name) / wheel_source(name).name


def hub_folder(name: str) -> Path:
    """Return where a known model that comes from the hub, or the model of a hub id, is or is to be."""
    return _home(name.replace("/", "--")) / "hub"


def verified(name: str) -> bool:
    """Whether a known model's GGUF file is on disk and has the pinned size and SHA-256."""
    source = wheel_source(name)
    with disk.explained(_home(name)):
        return disk.is_file(gguf_path(name), source.size, source.sha256)


def source(name: str) -> "Gguf":
    """Return the header of a known model's GGUF file, whose SHA-256 is looked at first.

    Raises:
        ModelNotFound: it is not a known model, or not on disk.
        ModelInvalid: it was cut off or altered, or the model does not come as a GGUF file.
    """
    return converted.header(name, wheel_source(name), _home(name))


def list_known() -> list[Installed]:
    """Return what the cache folder holds of each known model, with those of which it holds nothing."""
    return [_installed(model) for model in KNOWN.values()]


def tuning_dir() -> Path:
    """Return the folder in which each run of `slm-lsp tune` has its own."""
    return state_dir() / "tuning"


def adapter_path(name: str) -> Path:
    """Return the adapter file that a setting means: a path, or the name of a run of `slm-lsp tune`.

    Raises:
        ModelNotFound: there is neither.
    """
    for path in (Path(name).expanduser(), tuning_dir() / name / ADAPTER_FILE):
        if path.is_file():
            return path.absolute()
    raise ModelNotFound(
        f"There is no adapter {name}; `slm-lsp models list` shows those that were tuned here."
    )


def adapters(model: KnownModel, wish: str) -> list[AdapterFile]:
    """Return what is merged into a known model, in this order: what ships with it, and what the user wishes.

    The user's was tuned on the model as it ships. `wish` is the value of the setting `adapter`.

    Raises:
        ModelNotFound: there is no such adapter.
    """
    if wish == PUBLISHED:
        return []
    shipped = [AdapterFile(model.adapter.path, model.adapter.sha256)] if model.adapter else []
    if not wish:
        return shipped
    path = adapter_path(wish)
    return [*shipped, AdapterFile(path, disk.sha256(path))]


def merged_with(adapter: Path) -> list[Path]:
    """Return the folders of what was converted with an adapter of the user's merged into it."""
    return list((cache_dir() / "models").glob(f"*/*-{disk.sha256(adapter)[:8]}"))


def list_adapters() -> list[Tuned]:
    """Return the adapters that `slm-lsp tune` wrote to its own folder, by name."""
    return [Tuned(path.parent.name, path) for path in sorted(tuning_dir().glob(f"*/{ADAPTER_FILE}"))]


def remove(name: str) -> int:
    """Delete a model that was pulled from the cache folder and return the bytes that this frees.

    Raises:
        ModelNotFound: it is neither a known model nor a hub id, or nothing of it is on disk.
        ModelError: it can't be deleted.
    """
    home = hub_folder(name if _HUB_ID.fullmatch(name) else known(name).name).parent
    if not home.is_dir():
        raise ModelNotFound(f"The model {name} is not on disk; there is nothing to remove.")
    with disk.locked(home):
        freed = disk.size(home) + converted.forget(home / "hub")
        shutil.rmtree(home)
    return freed


def _home(name: str) -> Path:
    return cache_dir() / "models" / name


def _installed(model: KnownModel) -> Installed:
    home = _home(model.name)
    with disk.explained(home):
        if model.gguf:
            fetched = (home / model.gguf.name).is_file()
            shipped = adapters(model, "")
            made = any(
                converted.gguf_folder(home, model.gguf, form, shipped).is_dir() for form in CONVERTER_VERSIONS
            )
            return Installed(model, home, disk.size(home), fetched, made)
        made_of = converted.made_of(hub_folder(model.name))
        size = disk.size(home) + sum(map(disk.size, made_of))
        return Installed(model, home, size, (home / "hub" / lock.LOCK_FILE).is_file(), bool(made_of))


def _from_hub(name: str) -> Path:
    """Return the folder of a model that was pulled, or is in the local hub cache."""
    folder = hub_folder(name)
    if (found := lock.read(folder)) is not None:
        lock.check_sizes(folder, found)
        return folder
    snapshot = _hub_snapshot(KNOWN[name].hub if name in KNOWN else name)
    if snapshot is None:
        raise ModelNotFound(f"The model {name} is not on disk; run `slm-lsp models pull {name}`.")
    return snapshot


def _hub_snapshot(name: str) -> Path | None:
    """Return the folder of a model in the Hugging Face hub cache, at the revision that `main` last was."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(name, "config.json")
    return Path(config).parent if isinstance(config, str) else None
