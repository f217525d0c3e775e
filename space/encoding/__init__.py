"""Texts to vectors: the encoder, its fast forward pass and its weights."""
