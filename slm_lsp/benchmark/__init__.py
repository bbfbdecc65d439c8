"""How fast it is, as ratios to a peer or a baseline in the same run."""
