"""Writing a known model, with adapters merged into it, as a GGUF file for llama.cpp and its kin."""

from collections.abc import Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path

from slm_lsp.errors import ModelInvalid, SlmLspError
from slm_lsp.models.adapter import Adapter
from slm_lsp.models.convert import configuration, merged, renamed
from slm_lsp.models.gguf_names import Names
from slm_lsp.models.gguf_reader import Gguf
from slm_lsp.models.layout import Progress


class Format(Enum):
    """The number format of the matrices; norms are float32 in all."""

    Q4_0 = "q4_0"
    Q8_0 = "q8_0"
    F16 = "f16"
    F32 = "f32"


def write_gguf(
    gguf: Gguf, path: Path, format: Format, progress: Progress, adapters: Sequence[Adapter]
) -> None:
    """Write the model of `gguf` to `path`, which appears only when it is complete.

    Metadata and tokenizer are those of the source, but for the names that adapters give special tokens.

    Raises:
        ModelInvalid: the source is not of Llama's shape, or an adapter is another model's.
        SlmLspError: the file can't be written.
    """
    if (architecture := gguf.metadata.get("general.architecture")) != "llama":
        raise ModelInvalid(f"{gguf.path} is a {architecture} model, and only Llama's can be exported.")
    partial = path.with_name(path.name + ".partial")
    try:
        _write(gguf, partial, format, progress, adapters)
        partial.replace(path)
    except OSError as error:
        raise SlmLspError(f"{path} can't be written ({error.strerror or error}); free some space.") from error
    finally:
        with suppress(OSError):
            partial.unlink()


def _write(gguf: Gguf, path: Path, format: Format, progress: Progress, adapters: Sequence[Adapter]) -> None:
    from gguf import GGMLQuantizationType, GGUFReader, GGUFValueType, GGUFWriter, LlamaFileType, quantize

    names = Names(gguf, configuration(gguf))
    names_of_tokens = renamed(adapters)
    writer = GGUFWriter(path, "llama")
    writer.add_file_type(LlamaFileType[_FILE_TYPES[format]])
    # Our own reader keeps no value types, and this one does.
    for field in GGUFReader(gguf.path).fields.values():
        if field.name.startswith("GGUF.") or field.name in ("general.architecture", "general.file_type"):
            continue
        value, kinds = field.contents(), field.types
        if field.name == "tokenizer.ggml.tokens":
            value = [names_of_tokens.get(token, token) for token in value]
        inner = kinds[-1] if kinds[0] == GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, value, kinds[0], inner)
    tensors = merged(gguf, adapters, progress, 0.5)
    for done, name in enumerate(gguf.tensors):
        progress(0.5 + 0.4 * done / len(gguf.tensors), "rounding the model")
        values = names.interleaved(name, tensors.pop(names.theirs(name)))
        kind = GGMLQuantizationType[format.name if values.ndim > 1 else "F32"]
        writer.add_tensor(name, quantize(values, kind), raw_dtype=kind)
    progress(0.9, "writing the model")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    progress(1.0, "exported")


_FILE_TYPES = {
    Format.Q4_0: "MOSTLY_Q4_0",
    Format.Q8_0: "MOSTLY_Q8_0",
    Format.F16: "MOSTLY_F16",
    Format.F32: "ALL_F32",
}
