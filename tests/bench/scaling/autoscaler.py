"""What KEDA and the horizontal pod autoscaler do with numbers. Pure: time is given, nothing waits.

KEDA takes a workload from zero to one when a trigger is above its activation threshold, and back when none
has been for the cooldown period (keda.sh, "Scaling Deployments"). Between, the autoscaler decides: for each
metric ceil(sum / target) replicas, or those there are within a tenth; the most of all metrics; growth and
shrinking bound by policies; shrinking only to the most that was wanted within the stabilisation window
(kubernetes.io, "Horizontal Pod Autoscaling", "Algorithm details" and "Configurable scaling behavior").
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class Policy:
    """At most so many pods, or percent of those at the period's beginning, in so many seconds."""

    kind: str
    value: int
    period: float

    def allowed(self, replicas: int) -> int:
        return self.value if self.kind == "Pods" else math.ceil(replicas * self.value / 100)


# Kubernetes' defaults.
_UP = (Policy("Percent", 100, 15), Policy("Pods", 4, 15))
_DOWN = (Policy("Percent", 100, 15),)


@dataclass(frozen=True, slots=True)
class Scaler:
    """One ScaledObject."""

    targets: Mapping[str, float]
    """Of each metric, how much of it is one replica's."""
    minimum: int = 0
    maximum: int = 8
    polling: float = 30.0
    cooldown: float = 300.0
    stabilization: float = 300.0
    """Seconds for which the most that was wanted is kept."""
    up: Sequence[Policy] = _UP
    """The one that allows most holds."""
    down: Sequence[Policy] = _DOWN
    sync: float = 15.0
    """Seconds between two decisions of the autoscaler."""

    @classmethod
    def of(cls, scaled_object: Mapping[str, object]) -> "Scaler":
        """Of a rendered ScaledObject, with KEDA's and Kubernetes' defaults for what it leaves out.

        Triggers of the kind nats-jetstream only: metrics are called by their streams.
        """
        spec: dict = scaled_object["spec"]  # type: ignore[assignment, type-arg]
        config = spec.get("advanced", {}).get("horizontalPodAutoscalerConfig", {})
        behavior = config.get("behavior", {})
        up, down = behavior.get("scaleUp", {}), behavior.get("scaleDown", {})
        return cls(
            targets={
                trigger["metadata"]["stream"]: float(trigger["metadata"]["lagThreshold"])
                for trigger in spec["triggers"]
                if trigger["type"] == "nats-jetstream"
            },
            minimum=spec.get("minReplicaCount", 0),
            maximum=spec.get("maxReplicaCount", 100),
            polling=spec.get("pollingInterval", 30),
            cooldown=spec.get("cooldownPeriod", 300),
            stabilization=down.get("stabilizationWindowSeconds", 300),
            up=_policies(up) or _UP,
            down=_policies(down) or _DOWN,
        )


def _policies(rules: Mapping[str, object]) -> list[Policy]:
    found: list[dict] = rules.get("policies", [])  # type: ignore[assignment, type-arg]
    return [Policy(one["type"], one["value"], one["periodSeconds"]) for one in found]


@dataclass(slots=True)
class Autoscaler:
    """A scaler's state: what it wanted, and what it has changed lately."""

    scaler: Scaler
    replicas: int = 0
    _polled: float = float("-inf")
    _synced: float = float("-inf")
    _active: float = float("-inf")
    _wanted: deque[tuple[float, int]] = field(default_factory=deque)
    _changes: deque[tuple[float, int]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self.replicas = max(self.replicas, self.scaler.minimum)

    def step(self, now: float, metrics: Mapping[str, float]) -> int:
        """The replicas that there are to be, with the metrics as they are now. `now`: seconds, ascending."""
        scaler = self.scaler
        if now - self._polled >= scaler.polling:
            self._polled = now
            if any(metrics[name] > 0 for name in scaler.targets):
                self._active = now
                if self.replicas == 0:
                    self._change(now, max(1, scaler.minimum))
            elif scaler.minimum == 0 and self.replicas and now - self._active >= scaler.cooldown:
                self._change(now, 0)
        if self.replicas and now - self._synced >= scaler.sync:
            self._synced = now
            self._change(now, self._decide(now, metrics))
        return self.replicas

    def _decide(self, now: float, metrics: Mapping[str, float]) -> int:
        scaler = self.scaler
        wanted = max(desired(self.replicas, metrics[name], target) for name, target in scaler.targets.items())
        wanted = min(max(wanted, scaler.minimum, 1), scaler.maximum)
        self._wanted.append((now, wanted))
        while self._wanted[0][0] < now - scaler.stabilization:
            self._wanted.popleft()
        if wanted < self.replicas:
            wanted = min(self.replicas, max(count for _, count in self._wanted))
        if wanted > self.replicas:
            return min(wanted, max(self._limit(now, policy, +1) for policy in scaler.up))
        return max(wanted, min(self._limit(now, policy, -1) for policy in scaler.down))

    def _limit(self, now: float, policy: Policy, sign: int) -> int:
        changed = sum(
            change for time, change in self._changes if time > now - policy.period and change * sign > 0
        )
        before = self.replicas - changed
        return before + sign * policy.allowed(before)

    def _change(self, now: float, replicas: int) -> None:
        if replicas != self.replicas:
            self._changes.append((now, replicas - self.replicas))
            while self._changes[0][0] < now - 3600:
                self._changes.popleft()
        self.replicas = replicas


def desired(replicas: int, value: float, target: float) -> int:
    """How many replicas have `target` of a metric each; those there are where it is about so."""
    if abs(value / (target * replicas) - 1) <= _TOLERANCE:
        return replicas
    return math.ceil(value / target)
