"""Fetching models from the Hugging Face hub, or from what HF_ENDPOINT names: safetensors, tokenizer, config.

Resuming, tokens (HF_TOKEN), proxies and mirrors are those of `huggingface_hub`.
"""

import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slm_lsp.errors import DownloadError, ModelInvalid, SlmLspError
from slm_lsp.models import checks, disk, lock
from slm_lsp.models.lock import Lock, LockedFile

PERMISSIVE = frozenset({"apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "unlicense"})
"""The hub's names of licences that ask for no more than attribution."""

_WEIGHTS = re.compile(r"model(-\d+-of-\d+)?\.safetensors|model\.safetensors\.index\.json")
_BESIDE = re.compile(
    r"config\.json|generation_config\.json|chat_template\.(jinja|json)|merges\.txt|vocab\.(json|txt)"
    r"|(added_tokens|special_tokens_map)\.json|tokenizer[\w.]*\.(json|model)|tekken\.json|spiece\.model"
)
"""Files of a repository that are of use; what else lies there is left alone."""

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)

_HUB = "https://huggingface.co"

Told = Callable[[int, int], None]
"""Told the bytes that are on disk and those of the whole model."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A repository as the hub describes it; `revision` is a commit, `sizes` bytes by file name.

    `sha256` holds the hashes that the hub states, which it does for large files; `licence` is "" if unstated.
    """

    repository: str
    revision: str
    licence: str
    sizes: dict[str, int]
    sha256: dict[str, str]


def address(repository: str) -> str:
    """Return where a person can read about a repository."""
    return f"{_endpoint() or _HUB}/{repository}"


def look(repository: str, revision: str = "main") -> Remote:
    """Ask the hub what a repository holds at a branch or commit.

    Raises:
        DownloadError: there is no such thing, it may not be seen, or the hub can't be reached.
        ModelInvalid: it holds no weights as safetensors.
    """
    from huggingface_hub import HfApi

    with _explained(repository):
        info = HfApi(endpoint=_endpoint()).model_info(repository, revision=revision, files_metadata=True)
    files = [one for one in info.siblings or [] if _wanted(one.rfilename)]
    if not any(_WEIGHTS.fullmatch(one.rfilename) for one in files):
        raise ModelInvalid(
            f"{repository} holds no weights as safetensors; choose another repository of this model, or "
            "fetch a .gguf file and name that."
        )
    return Remote(
        repository,
        info.sha or revision,
        str(getattr(info.card_data, "license", None) or ""),
        {one.rfilename: one.size or 0 for one in files},
        {one.rfilename: one.lfs.sha256 for one in files if one.lfs},
    )


def pull(remote: Remote, licence: str, folder: Path, told: Told) -> Lock:
    """Fetch a repository into `folder`, where a broken download goes on, check every file, and lock it.

    What the lock of an earlier pull says must be so still: a file that was altered since is fetched again.

    Raises:
        DownloadError: it can't be fetched, or the hub serves something else than it states or did at first.
        ModelInvalid: it is not a whole model.
        ModelError: the disk is full or can't be written.
    """
    total = sum(remote.sizes.values())
    with disk.locked(folder), disk.explained(folder):
        before = lock.read(folder)
        locked = {file.name: file for file in before.files} if before else {}
        done, files = 0, list[LockedFile]()
        for name, size in remote.sizes.items():

            def more(some: int, at: int = done) -> None:
                told(at + some, total)

            files.append(_file(remote, name, locked.get(name), folder, more))
            done += size
            told(done, total)
        checks.check_folder(folder)
        made = Lock(remote.repository, remote.revision, licence, tuple(files))
        lock.write(folder, made)
    return made


def _file(
    remote: Remote, name: str, before: LockedFile | None, folder: Path, told: Callable[[int], None]
) -> LockedFile:
    """Return a file as it is on disk, fetched unless it is there and right."""
    wanted = before.sha256 if before else remote.sha256.get(name)
    if wanted and (folder / name).is_file():
        there = lock.locked_file(folder, name)
        if there.sha256 == wanted:
            return there
        (folder / name).unlink()
    _fetch(remote, name, folder, told)
    found = lock.locked_file(folder, name)
    if (wanted and found.sha256 != wanted) or found.size != remote.sizes[name]:
        (folder / name).unlink()
        was = "was fetched first" if before else "the hub itself states"
        raise DownloadError(
            f"What the hub serves as {name} of {remote.repository} is not what {was} (its size or SHA-256 "
            "differs), so it is not used; if you trust it, remove the model and pull it anew."
        )
    return found


def _fetch(remote: Remote, name: str, folder: Path, told: Callable[[int], None]) -> None:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import logging
    from huggingface_hub.utils.tqdm import tqdm

    class Bar(tqdm):
        """Draws nothing and tells how far it is."""

        def __init__(self, *arguments: Any, initial: int = 0, **options: Any) -> None:
            super().__init__(*arguments, **options | {"disable": True})  # type: ignore[no-untyped-call]
            self._present = initial

        def update(self, n: float | None = 1) -> bool | None:
            self._present += int(n or 0)
            told(self._present)
            return None

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    with _explained(remote.repository):
        hf_hub_download(
            remote.repository,
            name,
            revision=remote.revision,
            local_dir=folder,
            endpoint=_endpoint(),
            tqdm_class=Bar,
        )


@contextmanager
def _explained(repository: str) -> Iterator[None]:
    """Turn whatever the library raises into one sentence."""
    from huggingface_hub import errors

    host = (_endpoint() or _HUB).partition("//")[2]
    try:
        yield
    except SlmLspError:
        raise
    except errors.GatedRepoError as error:
        raise DownloadError(
            f"{repository} is given only to those who accepted its terms: do that on {host}/{repository}, "
            "and set HF_TOKEN to a token of yours."
        ) from error
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise DownloadError(f"{host} has no model {repository}; check the name, or set HF_TOKEN.") from error
    except (errors.RevisionNotFoundError, errors.RemoteEntryNotFoundError) as error:
        raise DownloadError(
            f"{host} no longer has what was fetched first of {repository}; remove the model and pull it anew."
        ) from error
    except errors.OfflineModeIsEnabled as error:
        raise DownloadError("HF_HUB_OFFLINE forbids asking the hub; unset it to pull a model.") from error
    except Exception as error:  # of the HTTP library below as well, which is not ours to know
        if isinstance(error, OSError) and error.errno in _DISK:
            raise
        what = str(error).strip().partition("\n")[0] or type(error).__name__
        raise DownloadError(
            f"{repository} could not be fetched from {host} ({what.rstrip('.')}); check the network, "
            "HF_ENDPOINT and HTTPS_PROXY, and pull again: it goes on where it stopped."
        ) from error


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT")


def _wanted(name: str) -> bool:
    return bool(_WEIGHTS.fullmatch(name) or _BESIDE.fullmatch(name))
