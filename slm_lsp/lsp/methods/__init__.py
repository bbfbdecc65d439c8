"""One file per method: a handler converts in, calls plain code, and converts out."""
