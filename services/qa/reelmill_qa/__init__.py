"""Questions about a movie, each with the frames that prove its answer (MovieLLM, section 3.3)."""
