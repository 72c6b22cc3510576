"""Commands for clusters: `python -m reelmill_kit.commands.topology`, `.probe`, `.fetch`; without a shell."""
