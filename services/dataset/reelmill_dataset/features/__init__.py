"""Pictures of a release as features of a user's own image encoder, in the files that LLaMA-VID trains on."""
