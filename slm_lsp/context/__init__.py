"""What the model is shown beyond the cursor's own lines."""
