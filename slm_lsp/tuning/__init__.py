"""Tuning: examples of filling in the middle from source trees, LoRA training, adapters."""
