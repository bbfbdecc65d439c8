"""What the client can do, read once from its capabilities."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from lsprotocol import types
from pygls.capabilities import get_capability

STATUS_CAPABILITY = "slmLspStatus"
"""The experimental capability of clients that want `slm_lsp.lsp.progress.STATUS`."""


@dataclass(frozen=True, slots=True)
class Client:
    """The abilities of a client that make a difference here."""

    inline_completion: bool = False
    markdown: bool = False
    insert_text_mode: bool = False
    progress: bool = False
    configuration: bool = False
    configuration_events: bool = False
    watched_files: bool = False
    status: bool = False

    @classmethod
    def of(cls, capabilities: types.ClientCapabilities) -> Self:
        """Read the capabilities that came with ``initialize``."""
        item = "text_document.completion.completion_item"
        formats = get_capability(capabilities, f"{item}.documentation_format") or ()
        watched = "workspace.did_change_watched_files.dynamic_registration"
        experimental = capabilities.experimental
        events = "workspace.did_change_configuration.dynamic_registration"
        return cls(
            inline_completion=get_capability(capabilities, "text_document.inline_completion") is not None,
            markdown=types.MarkupKind.Markdown in formats,
            insert_text_mode=get_capability(capabilities, f"{item}.insert_text_mode_support") is not None,
            progress=bool(get_capability(capabilities, "window.work_done_progress")),
            configuration=bool(get_capability(capabilities, "workspace.configuration")),
            configuration_events=bool(get_capability(capabilities, events)),
            watched_files=bool(get_capability(capabilities, watched)),
            status=isinstance(experimental, Mapping) and experimental.get(STATUS_CAPABILITY) is True,
        )
