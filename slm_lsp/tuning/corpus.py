"""The corpus of the adapter that ships: permissively licensed sources, by name, version, licence and SHA-256.

``python -m slm_lsp.tuning.corpus ARCHIVES SOURCES`` fetches the archives that `corpus.json` lists with pip,
npm and apt-get (which needs ``deb-src`` lines for bookworm, trixie and sid), checks them and unpacks their
source files, one folder each.
"""

import hashlib
import json
import random
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from slm_lsp.context.languages import language_id
from slm_lsp.context.sources import LARGEST
from slm_lsp.errors import SlmLspError
from slm_lsp.tuning.examples import File
from slm_lsp.tuning.files import LANGUAGES, Tally, collect

SHARES = {
    "python": 0.40,
    "typescript": 0.12,
    "javascript": 0.10,
    "go": 0.09,
    "java": 0.08,
    "rust": 0.08,
    "cpp": 0.07,
    "c": 0.06,
}
"""Each language's share of the examples."""

PER_SOURCE = 1_200_000
"""Characters taken from one source in one language at most, so that none gives its style to the model."""

_OTHER_LICENCE = re.compile(
    r"General Public License|\bL?GPL\b|Mozilla Public|\bAGPL\b|Creative Commons", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One source package; `registry` is ``pypi-sdist``, ``pypi-wheel``, ``npm`` or ``debian``."""

    registry: str
    name: str
    version: str
    file: str
    licence: str
    sha256: str


def entries() -> list[Entry]:
    """Return every source of the corpus."""
    return [
        Entry(**row)
        for row in json.loads(Path(__file__).with_name("corpus.json").read_text(encoding="utf-8"))
    ]


def fetch(entry: Entry, folder: Path) -> Path:
    """Return the entry's archive in `folder`, fetched if it is not there, and checked.

    Raises:
        SlmLspError: it can't be fetched, or is not the file that the list names.
    """
    archive = folder / entry.file
    if not archive.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps"]
        command = {
            "pypi-sdist": [*pip, "--no-binary", ":all:", f"{entry.name}=={entry.version}"],
            "pypi-wheel": [*pip, "--only-binary", ":all:", f"{entry.name}=={entry.version}"],
            "npm": ["npm", "pack", "--silent", f"{entry.name}@{entry.version}"],
            "debian": [
                "apt-get",
                "source",
                "-q",
                "--only-source",
                "--download-only",
                "--tar-only",
                _release(entry),
            ],
        }[entry.registry]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if not archive.is_file():
            said = (done.stderr or done.stdout).strip().splitlines()
            raise SlmLspError(
                f"{entry.name} {entry.version} can't be fetched ({said[-1] if said else done.returncode})."
            )
    if hashlib.sha256(archive.read_bytes()).hexdigest() != entry.sha256:
        raise SlmLspError(f"{archive} is not the file that was listed; delete it and fetch it again.")
    return archive


def unpack(archive: Path, folder: Path) -> None:
    """Write the archive's source files in known languages to `folder`, without its top folder."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, data in _members(archive):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            continue
        to = folder / path
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes(data)


def files(folder: Path, tally: Tally) -> Iterator[File]:
    """Yield the corpus's files: from each source a limited part, without files under another licence."""
    for source in sorted(path for path in folder.iterdir() if path.is_dir()):
        found = list(collect([source], tally))
        random.Random(source.name).shuffle(found)
        room: dict[str, int] = {}
        for file in found:
            if _OTHER_LICENCE.search(file.text[:3000]):
                tally.leave("licence")
            elif room.setdefault(file.language, PER_SOURCE) < len(file.text):
                tally.leave("enough of its source")
            else:
                room[file.language] -= len(file.text)
                yield file


def _release(entry: Entry) -> str:
    """Return what apt-get calls the release of a package that has the entry's archive, or the package."""
    show = ["apt-cache", "showsrc", "--only-source", entry.name]
    for release in subprocess.run(show, capture_output=True, text=True).stdout.split("\n\n"):
        version = re.search(r"^Version: (.+)$", release, re.MULTILINE)
        if version and f"{entry.sha256} " in release:
            return f"{entry.name}={version[1]}"
    return entry.name


def _members(archive: Path) -> Iterator[tuple[str, bytes]]:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for info in wheel.infolist():
                if _wanted(info.filename, info.file_size):
                    yield info.filename, wheel.read(info)
        return
    with tarfile.open(archive) as tar:
        for member in tar:
            name = member.name.removeprefix("./").partition("/")[2]
            if (
                member.isfile()
                and _wanted(name, member.size)
                and (stream := tar.extractfile(member)) is not None
            ):
                yield name, stream.read()


def _wanted(name: str, size: int) -> bool:
    return size <= LARGEST and language_id(name) in LANGUAGES


def main() -> None:
    """Fetch and unpack the whole corpus."""
    archives, sources = map(Path, sys.argv[1:3])
    for entry in entries():
        folder = archives / entry.registry.partition("-")[0]
        unpack(
            fetch(entry, folder),
            sources / f"{entry.registry.partition('-')[0]}-{entry.name.replace('/', '-').removeprefix('@')}",
        )


if __name__ == "__main__":
    main()
