"""Story expanding: a theme becomes a movie-length script (MovieLLM, arXiv 2403.01422, section 3.1)."""
