"""Says what a video-language model understood: a release's questions, answers, judges."""
