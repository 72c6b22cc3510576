"""Turns what was made for a movie into files that training programs read, and lists them with checksums."""
