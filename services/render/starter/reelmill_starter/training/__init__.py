"""Trains the starter model: tokenizer, autoencoder, diffusion, export."""
