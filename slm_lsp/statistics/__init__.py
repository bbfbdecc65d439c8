"""What became of suggestions, counted on this machine: numbers by day and language, and no text."""
