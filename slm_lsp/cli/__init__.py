"""The command line: thin, typed, one file per command."""
