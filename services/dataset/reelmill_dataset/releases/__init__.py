"""Releases: immutable, versioned datasets made of finished movies, whole or not there at all."""
