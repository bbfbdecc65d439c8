"""Fill-in-the-middle formats per model family, and the token budget."""
