"""The writer that needs no language model: a movie planned as a chain of causes, told from text files."""
