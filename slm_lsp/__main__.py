"""``python -m slm_lsp`` is ``slm-lsp``."""

from slm_lsp.cli.main import main

if __name__ == "__main__":
    main()
