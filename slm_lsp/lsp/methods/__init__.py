"""One file per protocol method: convert in, call plain code, convert out."""
