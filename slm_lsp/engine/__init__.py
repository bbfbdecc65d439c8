"""Token ids in, token ids out: with `slm_lsp.tuning` the only package that imports torch."""
