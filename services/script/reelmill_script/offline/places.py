"""Places, and how one speaks of them."""

from dataclasses import dataclass

from .texts import load


@dataclass(frozen=True, slots=True)
class Place:
    name: str
    prep: str
    title: str
    description: str
    details: tuple[str, ...]
    spots: tuple[str, ...]
    props: tuple[str, ...]
    things: tuple[str, ...]

    @property
    def the(self) -> str:
        return f"the {self.name}"

    def slots(self, suffix: str = "") -> dict[str, str]:
        """`at`, `to`, `from` and `of` with the suffix, for example `at_key`, and `the_key` or `the_place`."""
        return {
            f"at{suffix}": f"{self.prep} {self.the}",
            f"to{suffix}": f"to {self.the}",
            f"from{suffix}": f"from {self.the}",
            f"of{suffix}": f"of {self.the}",
            f"the{suffix or '_place'}": self.the,
        }


def place(name: str) -> Place:
    entry = load("places")[name]
    return Place(
        name=name,
        prep=entry["prep"],
        title=entry["title"],
        description=entry["description"],
        details=tuple(entry["details"]),
        spots=tuple(entry["spots"]),
        props=tuple(entry["props"]),
        things=tuple(entry["things"]),
    )
