"""The Language Server Protocol: the only importer of pygls and lsprotocol."""
