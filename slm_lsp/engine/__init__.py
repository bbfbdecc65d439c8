"""Token ids in, token ids out: the only package that imports torch."""
