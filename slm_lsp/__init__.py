"""slm-lsp: a code-completion language server with a small language model on your own machine.

Data flows document -> context -> prompt -> engine -> completion (stop rules and filters) -> item; each stage
is a package of that name.
"""

__version__ = "0.1.0"
