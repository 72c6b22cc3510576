class Unproved(Exception):
    """The answer does not follow from the evidence, or not from it alone; the text says why."""
