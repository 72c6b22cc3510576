"""What a process of the stack is: its command, its settings, and how to tell that it is ready."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Probe = Callable[[], Awaitable[None]]
"""Returns when the process does its work, raises any exception while it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """One process. Times are in seconds."""

    name: str
    command: tuple[str, ...]
    address: str
    """Where it is reached, host:port."""
    probe: Probe
    folder: Path
    """Its working folder; made when missing."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Set on top of the supervisor's own environment."""
    ready_within: float = 60.0
    stop_within: float = 10.0
    """How long it may take to end after SIGTERM before it is killed."""
    leftovers: tuple[str, ...] = ()
    """Patterns of files outside the stack's folder that it may leave behind; removed when it has ended."""
    hint: str = ""
    """What a person can do when it does not come up."""
