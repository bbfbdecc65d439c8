"""Token ids in, token ids out: the only package that imports torch."""

import os

# Read by OpenMP when torch is first imported. Threads that spin at a barrier while the machine has other work
# (a build, the editor itself) starve the one they wait for: on two busy cores, decoding was measured to take
# 9 times as long with the default policy as with this one.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
