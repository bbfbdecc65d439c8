"""Where the models are: the known ones in the cache folder, and the user's own."""

import hashlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from slm_lsp.errors import ModelInvalid, ModelNotFound
from slm_lsp.models import checks, disk
from slm_lsp.models.known import KNOWN, KnownModel, known
from slm_lsp.models.layout import CONVERTER_VERSIONS, DENSE_FILE, INT8_FILE, Progress
from slm_lsp.paths import cache_dir, state_dir

if TYPE_CHECKING:
    from slm_lsp.models.gguf_reader import Gguf

ADAPTER_FILE = "adapter.safetensors"
"""What a run of `slm-lsp tune` calls its adapter."""

_Kind = Literal["int8", "dense"]
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model on disk, looked over and ready to load.

    `folder` is in Hugging Face layout, the user's own or one in the cache. `converted`: it holds
    ``model.int8.safetensors`` for the lean engine (see `slm_lsp.models.quantise`). `gguf`: the user's own
    GGUF file in `folder`, for transformers to read.
    """

    name: str
    folder: Path
    gguf: Path | None
    converted: bool


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
    name: str, progress: Progress | None = None, *, dense: bool = False, adapter: str = ""
) -> ModelFiles:
    """Return the files of the model that `name` stands for, without touching the network.

    `name` is a known model's, a folder in Hugging Face layout, a ``.gguf`` file, or the id of a model in the
    local hub cache; the first of these that there is. A known model is converted when it is first asked for;
    with `dense`, to float32 weights for transformers rather than to int8 ones for the lean engine. `adapter`
    (see `adapter_path`) is merged into a known model when the two are first asked for together. A folder of
    Llama's shape is converted as well, unless `dense`; what was made of it before it changed is removed.

    Raises:
        ModelNotFound: there is no such model on disk.
        ModelInvalid: it is cut off, altered, or of a kind that is refused.
        ModelError: the cache folder can't be read or written.
    """
    progress = progress or (lambda _done, _what: None)
    if name in KNOWN:
        return _locate_known(
            KNOWN[name],
            progress,
            dense,
            adapter_path(adapter) if adapter else None,
        )
    if adapter:
        raise ModelInvalid(
            f"An adapter can't be used with {name}, only with a known model ({', '.join(KNOWN)}); "
            "unset `adapter`."
        )
    path = Path(name).expanduser().absolute()
    with disk.explained(path):
        if path.is_dir():
            return _folder(name, path, progress, dense)
        if path.is_file():
            return _gguf(name, path)
        if _HUB_ID.fullmatch(name):
            snapshot = _hub_snapshot(name)
            if snapshot is None:
                raise ModelNotFound(
                    f"There is no model {name}, neither as a folder nor in the local hub cache; "
                    f"fetch it there first, or use one of: {', '.join(KNOWN)}."
                )
            return _folder(name, snapshot, progress, dense)
    raise ModelNotFound(
        f"There is no model {name}: it is neither a known model ({', '.join(KNOWN)}) nor a file or folder."
    )


def gguf_path(name: str) -> Path:
    """Return where a known model's GGUF file is, or is to be."""
    return _home(name) / known(name).source.gguf


def verified(name: str) -> bool:
    """Whether a known model's GGUF file is on disk and has the pinned size and SHA-256."""
    source = known(name).source
    with disk.explained(_home(name)):
        return disk.is_file(gguf_path(name), source.gguf_size, source.gguf_sha256)


def source(name: str) -> "Gguf":
    """Return the header of a known model's GGUF file, whose SHA-256 is looked at first.

    Raises:
        ModelNotFound: it is not a known model, or not on disk.
        ModelInvalid: it was cut off or altered.
    """
    from slm_lsp.models import gguf_reader

    model, gguf = known(name), gguf_path(name)
    with disk.explained(gguf.parent):
        if not gguf.is_file():
            raise ModelNotFound(f"The model {name} is not on disk; run `slm-lsp models pull {name}`.")
        if not disk.is_file(gguf, model.source.gguf_size, model.source.gguf_sha256):
            raise ModelInvalid(f"{gguf} was cut off or altered; run `slm-lsp models pull {name}` to mend it.")
        return gguf_reader.read(gguf)


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


def list_adapters() -> list[Tuned]:
    """Return the adapters that `slm-lsp tune` wrote to its own folder, by name."""
    return [Tuned(path.parent.name, path) for path in sorted(tuning_dir().glob(f"*/{ADAPTER_FILE}"))]


def remove(name: str) -> int:
    """Delete a known model from the cache folder and return the bytes that this frees.

    Raises:
        ModelNotFound: it is not a known model, or nothing of it is on disk.
        ModelError: it can't be deleted.
    """
    home = _home(known(name).name)
    if not home.is_dir():
        raise ModelNotFound(f"The model {name} is not on disk; there is nothing to remove.")
    with disk.locked(home):
        freed = disk.size(home)
        shutil.rmtree(home)
    return freed


def _home(name: str) -> Path:
    return cache_dir() / "models" / name


def _installed(model: KnownModel) -> Installed:
    home = _home(model.name)
    with disk.explained(home):
        return Installed(
            model=model,
            folder=home,
            size=disk.size(home),
            fetched=(home / model.source.gguf).is_file(),
            converted=_converted_folder(model, "int8").is_dir(),
        )


def _converted_folder(model: KnownModel, kind: _Kind, adapter: Path | None = None) -> Path:
    """Return the folder of one conversion; its name tells the source, the converter and the adapter."""
    name = f"{kind}-{CONVERTER_VERSIONS[kind]}-{model.source.gguf_sha256[:8]}"
    if adapter:
        with adapter.open("rb") as file:
            name += f"-{hashlib.file_digest(file, 'sha256').hexdigest()[:8]}"
    return _home(model.name) / name


def _locate_known(model: KnownModel, progress: Progress, dense: bool, adapter: Path | None) -> ModelFiles:
    kind: _Kind = "dense" if dense else "int8"
    folder = _converted_folder(model, kind, adapter)
    with disk.explained(folder):
        if not _whole(folder, kind):
            header = source(model.name)
            with disk.locked(folder.parent):
                if not _whole(folder, kind):
                    _convert(header, model, kind, folder, progress, adapter)
    return ModelFiles(model.name, folder, None, converted=not dense)


def _whole(folder: Path, kind: _Kind) -> bool:
    try:
        checks.check_safetensors(folder / (INT8_FILE if kind == "int8" else DENSE_FILE))
    except ModelInvalid:
        return False
    return True


def _convert(
    header: "Gguf", model: KnownModel, kind: _Kind, folder: Path, progress: Progress, adapter: Path | None
) -> None:
    from slm_lsp.models import convert
    from slm_lsp.models.adapter import read

    tuned = read(adapter) if adapter else None
    with disk.replacing(folder) as fresh:
        if kind == "int8":
            convert.write_int8(header, fresh, model.source.gguf_sha256, progress, tuned)
        else:
            convert.write_dense(header, fresh, progress, tuned)
    current = _converted_folder(model, kind).name
    for outdated in folder.parent.glob(f"{kind}-*"):
        if not outdated.name.startswith(current):
            shutil.rmtree(outdated)


def _folder(name: str, folder: Path, progress: Progress, dense: bool) -> ModelFiles:
    from slm_lsp.models import folders

    checks.check_folder(folder)
    if dense or not folders.is_lean(folder):
        return ModelFiles(name, folder, None, converted=False)
    place, state = folders.fingerprint(folder)
    home = cache_dir() / "converted"
    converted = home / f"{place}-{CONVERTER_VERSIONS['int8']}-{state}"
    if not _whole(converted, "int8"):
        with disk.locked(home), disk.explained(home):
            if not _whole(converted, "int8"):
                with disk.replacing(converted) as fresh:
                    folders.write_int8(folder, fresh, progress)
                for outdated in home.glob(f"{place}-*"):
                    if outdated != converted:
                        shutil.rmtree(outdated)
    return ModelFiles(name, converted, None, converted=True)


def _gguf(name: str, file: Path) -> ModelFiles:
    from slm_lsp.models import gguf_reader

    gguf_reader.read(file)
    return ModelFiles(name, file.parent, file, converted=False)


def _hub_snapshot(name: str) -> Path | None:
    """Return the folder of a model in the Hugging Face hub cache, at the revision that `main` last was."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(name, "config.json")
    return Path(config).parent if isinstance(config, str) else None
