"""What every Reelmill service needs, and nothing else."""
