"""Programs that load a release as a training kit does, each in a process of its own with the kit's packages.

They get the release's folder and print what they found as JSON on their last line.
"""
