"""Engines on a server that the user named: text goes there, and only there."""
