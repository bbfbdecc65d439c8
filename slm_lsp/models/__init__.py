"""Known models, fetching, verifying and converting weights. Imports neither torch nor transformers."""
