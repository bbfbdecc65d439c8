"""Measuring what users would get: an infilling benchmark, holes in their own code, and comparisons."""
