"""What must not be shown to a model or kept: files that hold secrets, and secrets in ordinary text."""

from slm_lsp.secrecy.files import secret_name
from slm_lsp.secrecy.masking import mask, mask_around
from slm_lsp.secrecy.tokens import has_token

__all__ = ["has_token", "mask", "mask_around", "secret_name"]
