"""Where ``slm-lsp``, which is ``python -m slm_lsp``, begins: the network is refused before all else."""

import sys

from slm_lsp import network

REACHES_OUT = frozenset(("models", "bench"))
"""Commands that may use the network: one fetches models, one measures other servers."""


def main() -> None:
    """Run the command line, without a network unless the command is there for it."""
    command = next((one for one in sys.argv[1:] if not one.startswith("-")), "serve")
    if command not in REACHES_OUT:
        network.guard()

    from slm_lsp.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
