"""Token ids in, token ids out: the only package that imports torch."""

import os

from slm_lsp.engine.startup import import_less

# Read by OpenMP when torch is first imported: how long a thread spins for more work before it sleeps.
# Waking it costs more than most pieces of work, so it should spin a little; but threads that spin for
# milliseconds, as by default, starve the one they wait for when the machine has other work (a build, say).
os.environ.setdefault("GOMP_SPINCOUNT", "20000")

import_less()
