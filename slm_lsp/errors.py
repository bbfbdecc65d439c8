"""The errors that a user may meet; each message is one sentence that says what to do.

::

    SlmLspError
    ├── UsageError            the command line or a position is wrong (exit code 2)
    └── ModelError            the model can't serve
        ├── ModelNotFound     nothing on disk answers to that name
        ├── ModelInvalid      a file is partial, altered, or of a kind that is refused
        ├── EndpointError     the server that the user named does not answer as it should
        └── DownloadError     ``models pull`` could not fetch it
"""


class SlmLspError(Exception):
    """Base of every error whose message is meant for the user (exit code 1)."""


class UsageError(SlmLspError):
    """The command line or a position in it is wrong."""


class ModelError(SlmLspError):
    """The model can't serve."""


class ModelNotFound(ModelError):
    """Nothing on disk answers to the model's name."""


class ModelInvalid(ModelError):
    """A model file is partial, altered, or of a kind that is refused."""


class EndpointError(ModelError):
    """The server that the user named as `endpoint` does not answer as it should."""


class DownloadError(ModelError):
    """``models pull`` could not fetch what it was asked for."""
