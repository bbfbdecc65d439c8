"""A request and nothing else, to measure an engine by: one connection, one answer read to its end."""

import http.client
import json
from collections.abc import Sequence

from slm_lsp.engine.remote.dialects import DIALECTS, body, dialect_of, model_of
from slm_lsp.engine.remote.endpoint import Endpoint, key_of
from slm_lsp.errors import EndpointError


class Bare:
    """Sends what a remote engine sends to llama.cpp or vLLM, over a connection that is kept."""

    def __init__(self, endpoint: Endpoint) -> None:
        host, port = endpoint.address
        make = http.client.HTTPSConnection if endpoint.url.startswith("https") else http.client.HTTPConnection
        self._connection = make(host, port, timeout=endpoint.seconds)
        self._key = key_of(endpoint)
        headers = {"Authorization": f"Bearer {self._key}"}
        self._connection.request("GET", "/v1/models", headers=headers)
        models = json.loads(self._connection.getresponse().read())
        self._connection.close()  # and opened again when it is needed
        self._dialect = DIALECTS[dialect_of(models, endpoint.kind)]
        self._model, _ = model_of(models, endpoint.model)

    def ask(self, prompt: Sequence[int], max_tokens: int) -> bytes:
        """Return the whole answer.

        Raises:
            EndpointError: it is not one.
        """
        request = body(self._dialect, self._model, max_tokens, (), "") | {"prompt": list(prompt)}
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self._key}"}
        try:
            self._connection.request("POST", "/v1/completions", json.dumps(request), headers)
            answer = self._connection.getresponse()
        except ConnectionError:  # it was closed for resting too long
            self._connection.close()
            self._connection.request("POST", "/v1/completions", json.dumps(request), headers)
            answer = self._connection.getresponse()
        said = answer.read()
        if answer.status != http.client.OK:
            raise EndpointError(f"the endpoint refused with status {answer.status}")
        return said
