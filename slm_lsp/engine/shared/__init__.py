"""One engine for all windows: a process of its own, spoken to over a local socket."""
