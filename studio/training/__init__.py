"""Training a LoRA: a process of its own that encodes the pictures once, trains under Lightning, and leaves a file."""
