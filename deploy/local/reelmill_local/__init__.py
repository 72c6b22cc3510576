"""Reelmill on one machine: real servers and the services as local processes, and the demo."""

from reelmill_local.stack import LocalStack, StackError

__all__ = ["LocalStack", "StackError"]
