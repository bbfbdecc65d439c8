"""A lean forward pass for models of the Llama shape; no Hugging Face code in the loop."""
