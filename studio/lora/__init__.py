"""LoRA files: read in any known layout, matched against a network's layers, attached, and proved to have arrived."""
