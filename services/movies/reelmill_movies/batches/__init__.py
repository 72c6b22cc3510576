"""Batches: many movies, made from one request."""
