"""The client's settings: from `initialize`, from `workspace/configuration`, and live."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from slm_lsp import trust
from slm_lsp.config import SECTION, Settings, parse

if TYPE_CHECKING:
    from slm_lsp.lsp.session import Server

log = logging.getLogger(__name__)

SESSION = frozenset(("token", "trusted"))
"""What `initializationOptions` may hold beside settings: the token of `slm_lsp.lsp.session.Server`, and
whether the workspace is trusted."""

PATIENCE = 1.0
"""Seconds that the client has to send its settings before the model is loaded without them."""


class Configuration:
    """Follows the client's settings and hands them to the service.

    Those of the workspace lie over those of `initialize`; `model`, from the command line, lies over both.
    A value that can't be taken is reported once, in the editor.

    Clients mix what a workspace's own files say into what they send, and the server can't tell them apart.
    So those that know are asked to say so: with `trusted` true in the `initializationOptions`, whatever they
    send is the user's; with false, guarded settings are not taken and nothing is indexed. Where nothing is
    said, guarded settings are taken from the `initializationOptions`, and from anything later only if the
    user has allowed every folder of the workspace (`slm_lsp.trust`).
    """

    def __init__(self, server: "Server", model: str | None) -> None:
        self._server = server
        self._model = model
        self._base = Settings()
        self._settings = self._base
        self._trusted: bool | None = None
        self._unreported: list[str] = []
        self._reported: set[str] = set()

    @property
    def settings(self) -> Settings:
        """The settings now."""
        settings = replace(self._settings, index=False) if self._trusted is False else self._settings
        return replace(settings, model=self._model) if self._model else settings

    def initialize(self, options: Any) -> None:
        """Take the `initializationOptions`; the service is not told yet."""
        if isinstance(options, Mapping):
            trusted = options.get("trusted")
            self._trusted = trusted if isinstance(trusted, bool) else None
            options = {name: value for name, value in options.items() if name not in SESSION}
        self._settings = self._base = self._parse(options, Settings(), self._trusted is not False)

    async def follow(self) -> None:
        """Take the client's settings, load the model, and be told of changes from now on."""
        if self._server.client.configuration:
            pull = asyncio.ensure_future(self._pull())
            await asyncio.wait({pull}, timeout=PATIENCE)
            if not pull.done():
                self._apply()
            self._settings = await pull
        self._apply()
        if self._server.client.configuration_events:
            await self._register()

    async def changed(self, pushed: Any) -> None:
        """Take settings that changed; `pushed` came with the news, for clients that can't be asked."""
        if self._server.client.configuration:
            self._settings = await self._pull()
        elif isinstance(pushed, Mapping) and SECTION in pushed:
            self._settings = self._parse(pushed[SECTION], self._base, self._allowed())
        self._apply()

    async def _pull(self) -> Settings:
        item = types.ConfigurationItem(section=SECTION)
        try:
            answer = await self._server.workspace_configuration_async(types.ConfigurationParams([item]))
        except JsonRpcException as error:
            log.warning("the editor did not send its settings: %s", error)
            return self._settings
        return self._parse(answer[0] if answer else None, self._base, self._allowed())

    def _allowed(self) -> bool:
        """Whether settings that may be the workspace's own are taken, whatever they name."""
        if self._trusted is not None:
            return self._trusted
        return trust.covers(self._server.folders.roots)

    def _parse(self, values: Any, base: Settings, trusted: bool) -> Settings:
        if values is None:
            return base
        if not isinstance(values, Mapping):
            self._unreported.append(f"{SECTION}: the settings must be an object, by name.")
            return base
        settings, complaints = parse(values, base, trusted=trusted)
        self._unreported += complaints
        return settings

    def _apply(self) -> None:
        self._server.service.configure(self.settings)
        for complaint in self._unreported:
            if complaint not in self._reported:
                self._reported.add(complaint)
                self._server.window_show_message(
                    types.ShowMessageParams(types.MessageType.Warning, complaint)
                )
        self._unreported.clear()

    async def _register(self) -> None:
        method = types.WORKSPACE_DID_CHANGE_CONFIGURATION
        options = types.DidChangeConfigurationRegistrationOptions(section=SECTION)
        registration = types.Registration(id=f"{SECTION}.settings", method=method, register_options=options)
        try:
            await self._server.client_register_capability_async(types.RegistrationParams([registration]))
        except JsonRpcException as error:
            log.warning("the editor will not tell of changed settings: %s", error)
