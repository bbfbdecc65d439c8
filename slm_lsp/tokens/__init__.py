"""Text to token ids and back, and token healing. The only importer of `tokenizers`."""
