"""The writer that asks a language model, level by level."""
