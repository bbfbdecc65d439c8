"""What the cache folder holds of models in another form: made once, and again when the source changes."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slm_lsp.errors import ModelInvalid, ModelNotFound
from slm_lsp.models import checks, disk
from slm_lsp.models.known import KNOWN, Shipped, WheelSource
from slm_lsp.models.layout import CONVERTER_VERSIONS, DENSE_FILE, Form, Kind, Progress, lean_file
from slm_lsp.paths import cache_dir

if TYPE_CHECKING:
    from slm_lsp.models.adapter import Adapter
    from slm_lsp.models.gguf_reader import Gguf


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model on disk, looked over and ready to load.

    `folder` is in Hugging Face layout, the user's own or one in the cache. `converted`: it holds weights for
    the lean engine (see `slm_lsp.models.quantise`). `gguf`: the weights as they are, for llama.cpp or
    transformers to read; `folder` then holds their tokenizer.
    """

    name: str
    folder: Path
    gguf: Path | None
    converted: bool


@dataclass(frozen=True, slots=True)
class AdapterFile:
    """An adapter that is merged into a model when that is converted; `sha256` in hex."""

    path: Path
    sha256: str

    def read(self) -> "Adapter":
        """Return the adapter.

        Raises:
            ModelInvalid: it is not the file with that SHA-256.
        """
        from slm_lsp.models import adapter

        if not self.path.is_file() or disk.sha256(self.path) != self.sha256:
            raise ModelInvalid(
                f"{self.path} was cut off or altered; install slm-lsp again, or set `adapter` to `none`."
            )
        return adapter.read(self.path)


def of_gguf(
    name: str,
    source: WheelSource,
    home: Path,
    progress: Progress,
    form: Form,
    adapters: Sequence[AdapterFile],
    as_it_is: bool,
) -> ModelFiles:
    """Return a known model in `home`, converted from its GGUF file; see `slm_lsp.models.store.locate`.

    The adapters are merged into it one after the other.
    """
    if source.architecture != "llama":
        form = "dense"
    kind: Kind = "tokenizer" if form == "dense" and as_it_is and not adapters else form
    folder = gguf_folder(home, source, kind, adapters)
    with disk.explained(folder):
        if kind == "tokenizer" or not _whole(folder, kind):
            read = header(name, source, home)
            with disk.locked(home):
                if not _whole(folder, kind):
                    _convert(read, source, kind, folder, progress, adapters)
                    _remove_outdated(gguf_folder(home, source, kind, ()), KNOWN[name].adapter)
    gguf = home / source.name if kind == "tokenizer" else None
    return ModelFiles(name, folder, gguf, converted=form != "dense")


def of_folder(name: str, folder: Path, progress: Progress, form: Form) -> ModelFiles:
    """Return a folder in Hugging Face layout, as it is if "dense" or of another shape than Llama's."""
    from slm_lsp.models import folders

    checks.check_folder(folder)
    if form == "dense" or not folders.is_lean(folder):
        return ModelFiles(name, folder, None, converted=False)
    made = _made(folder, form, lambda fresh: folders.write_lean(folder, fresh, form, progress))
    return ModelFiles(name, made, None, converted=True)


def of_file(name: str, file: Path, progress: Progress, form: Form) -> ModelFiles:
    """Return a user's own GGUF file, as it is if "dense" or of another shape than Llama's."""
    from slm_lsp.models import gguf_files, gguf_reader
    from slm_lsp.tokens.load import unpack_gguf

    gguf = gguf_reader.read(file)
    if form == "dense" or not gguf_files.is_lean(gguf):
        made = _made(file, "tokenizer", lambda fresh: unpack_gguf(file, fresh))
        return ModelFiles(name, made, file, converted=False)
    made = _made(file, form, lambda fresh: gguf_files.write_lean(gguf, fresh, form, progress))
    return ModelFiles(name, made, None, converted=True)


def _made(source: Path, kind: Kind, write: Callable[[Path], None]) -> Path:
    """Return the folder that `write` makes of a user's own folder or file, in place of outdated ones."""
    from slm_lsp.models import folders

    home = cache_dir() / "converted"
    state = folders.state(source)
    made = home / f"{folders.place(source)}-{CONVERTER_VERSIONS[kind]}-{state}-{kind}"
    if not _whole(made, kind):
        with disk.locked(home), disk.explained(home):
            if not _whole(made, kind):
                with disk.replacing(made) as fresh:
                    write(fresh)
                for other in made_of(source):
                    if f"-{state}-" not in other.name or (other != made and other.name.endswith(f"-{kind}")):
                        shutil.rmtree(other)
    return made


def made_of(source: Path) -> list[Path]:
    """Return what was made of a folder in Hugging Face layout, or of a GGUF file."""
    from slm_lsp.models import folders

    return list((cache_dir() / "converted").glob(f"{folders.place(source)}-*"))


def forget(folder: Path) -> int:
    """Delete what was made of a folder, and return the bytes that this frees."""
    freed = 0
    for made in made_of(folder):
        freed += disk.size(made)
        shutil.rmtree(made)
    return freed


def gguf_folder(home: Path, source: WheelSource, kind: Kind, adapters: Sequence[AdapterFile]) -> Path:
    """Return the folder of one conversion; its name tells the source, the converter and the adapters."""
    parts = [kind, CONVERTER_VERSIONS[kind], source.sha256[:8], *(one.sha256[:8] for one in adapters)]
    return home / "-".join(map(str, parts))


def header(name: str, source: WheelSource, home: Path) -> "Gguf":
    """Return the header of a GGUF file; see `slm_lsp.models.store.source`."""
    from slm_lsp.models import gguf_reader

    gguf = home / source.name
    with disk.explained(home):
        if not gguf.is_file():
            raise ModelNotFound(f"The model {name} is not on disk; run `slm-lsp models pull {name}`.")
        if not disk.is_file(gguf, source.size, source.sha256):
            raise ModelInvalid(f"{gguf} was cut off or altered; run `slm-lsp models pull {name}` to mend it.")
        return gguf_reader.read(gguf)


def _whole(folder: Path, kind: Kind) -> bool:
    if kind == "tokenizer":
        return (folder / "tokenizer.json").is_file()
    try:
        checks.check_safetensors(folder / (DENSE_FILE if kind == "dense" else lean_file(kind)))
    except ModelInvalid:
        return False
    return True


def _convert(
    read: "Gguf",
    source: WheelSource,
    kind: Kind,
    folder: Path,
    progress: Progress,
    adapters: Sequence[AdapterFile],
) -> None:
    from slm_lsp.models import convert

    tuned = [one.read() for one in adapters]
    with disk.replacing(folder) as fresh:
        if kind == "tokenizer":
            convert.write_tokenizer(read, fresh)
        elif kind == "dense":
            convert.write_dense(read, fresh, progress, tuned)
        else:
            convert.write_lean(read, fresh, kind, source.sha256, progress, tuned)


def _remove_outdated(plain: Path, shipped: Shipped | None) -> None:
    """Delete what was made, in the kind of `plain`, of another source, by another converter or with the
    shipped adapter of another version; `plain` is the folder of the conversion without adapters."""
    kind, *_ = plain.name.split("-")
    for made in plain.parent.glob(f"{kind}-*"):
        rest = made.name.removeprefix(plain.name)
        adapters = rest.split("-")[1:]
        stale = bool(shipped and adapters and adapters[0] != shipped.sha256[:8])
        if rest == made.name or stale:
            shutil.rmtree(made)
