"""What the cache folder holds of models in another form: made once, and again when the source changes."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slm_lsp.errors import ModelInvalid, ModelNotFound
from slm_lsp.models import checks, disk
from slm_lsp.models.known import WheelSource
from slm_lsp.models.layout import CONVERTER_VERSIONS, DENSE_FILE, Form, Lean, Progress, lean_file
from slm_lsp.paths import cache_dir

if TYPE_CHECKING:
    from slm_lsp.models.adapter import Adapter
    from slm_lsp.models.gguf_reader import Gguf


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model on disk, looked over and ready to load.

    `folder` is in Hugging Face layout, the user's own or one in the cache. `converted`: it holds weights for
    the lean engine (see `slm_lsp.models.quantise`). `gguf`: the user's own GGUF file in `folder`, for
    transformers to read.
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
) -> ModelFiles:
    """Return a known model in `home`, converted from its GGUF file; see `slm_lsp.models.store.locate`.

    The adapters are merged into it one after the other.
    """
    if source.architecture != "llama":
        form = "dense"
    folder = gguf_folder(home, source, form, adapters)
    with disk.explained(folder):
        if not _whole(folder, form):
            read = header(name, source, home)
            with disk.locked(home):
                if not _whole(folder, form):
                    _convert(read, source, form, folder, progress, adapters)
    return ModelFiles(name, folder, None, converted=form != "dense")


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

    gguf = gguf_reader.read(file)
    if form == "dense" or not gguf_files.is_lean(gguf):
        return ModelFiles(name, file.parent, file, converted=False)
    made = _made(file, form, lambda fresh: gguf_files.write_lean(gguf, fresh, form, progress))
    return ModelFiles(name, made, None, converted=True)


def _made(source: Path, form: Lean, write: Callable[[Path], None]) -> Path:
    """Return the folder that `write` makes of a user's own folder or file, in place of outdated ones."""
    from slm_lsp.models import folders

    home = cache_dir() / "converted"
    current = f"{folders.place(source)}-{CONVERTER_VERSIONS[form]}-{folders.state(source)}"
    made = home / f"{current}-{form}"
    if not _whole(made, form):
        with disk.locked(home), disk.explained(home):
            if not _whole(made, form):
                with disk.replacing(made) as fresh:
                    write(fresh)
                for outdated in made_of(source):
                    if not outdated.name.startswith(f"{current}-"):
                        shutil.rmtree(outdated)
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


def gguf_folder(home: Path, source: WheelSource, form: Form, adapters: Sequence[AdapterFile]) -> Path:
    """Return the folder of one conversion; its name tells the source, the converter and the adapters."""
    parts = [form, CONVERTER_VERSIONS[form], source.sha256[:8], *(one.sha256[:8] for one in adapters)]
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


def _whole(folder: Path, form: Form) -> bool:
    try:
        checks.check_safetensors(folder / (DENSE_FILE if form == "dense" else lean_file(form)))
    except ModelInvalid:
        return False
    return True


def _convert(
    read: "Gguf",
    source: WheelSource,
    form: Form,
    folder: Path,
    progress: Progress,
    adapters: Sequence[AdapterFile],
) -> None:
    from slm_lsp.models import convert

    tuned = [one.read() for one in adapters]
    with disk.replacing(folder) as fresh:
        if form == "dense":
            convert.write_dense(read, fresh, progress, tuned)
        else:
            convert.write_lean(read, fresh, form, source.sha256, progress, tuned)
    current = gguf_folder(folder.parent, source, form, ()).name
    for outdated in folder.parent.glob(f"{form}-*"):
        if not outdated.name.startswith(current):
            shutil.rmtree(outdated)
