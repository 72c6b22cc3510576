"""Where news may be sent by HTTP: to public addresses by https, and inside where this installation says so.

An address is checked when it is named, and what its host stands for when it is called (`permits`).
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from .errors import invalid

Address = IPv4Address | IPv6Address
_LENGTH = 2000
# These hold an address of the other kind, which may be any.
_WRAPPING = [ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")]
# Names that only a cluster or a machine knows.
_INSIDE = ("localhost", "local", "svc", "internal", "cluster")


class DestinationSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="REELMILL_", extra="ignore")

    callback_allow: Annotated[
        list[str],
        Field(
            description="Hosts and networks inside that callbacks may go to, as JSON: "
            '["hooks.films.svc", "10.1.0.0/16"].'
        ),
    ] = []
    callback_http: Annotated[bool, Field(description="Whether callbacks may go by http, too.")] = False


@dataclass(frozen=True, slots=True)
class Destinations:
    """`hosts` and `networks`: those inside that are allowed. `http`: whether plain text is."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    http: bool = False

    @classmethod
    def configured(cls, settings: DestinationSettings) -> "Destinations":
        """An entry that is no network is a host."""
        hosts: set[str] = set()
        networks: list[IPv4Network | IPv6Network] = []
        for entry in settings.callback_allow:
            try:
                networks.append(ip_network(entry))
            except ValueError:
                hosts.add(entry.lower().rstrip("."))
        return cls(frozenset(hosts), tuple(networks), settings.callback_http)

    def check(self, url: str, field: str) -> str:
        """The URL. Raises INVALID_FIELD where it is none, or one that nothing may be sent to."""
        if len(url) > _LENGTH or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
            raise invalid(field, f"is not a URL of at most {_LENGTH} printable ASCII characters")
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError as error:
            raise invalid(field, f"is no URL: {error}") from error
        if parts.scheme not in ("https", "http") or (parts.scheme == "http" and not self.http):
            raise invalid(field, "does not begin with https://")
        if not host or parts.username is not None or parts.password is not None or parts.fragment:
            raise invalid(field, "is not https://host/.. without a name, a password or a fragment")
        if not self._names_outside(host):
            raise invalid(
                field,
                f"{host[:80]!r} is inside this installation or its network; REELMILL_CALLBACK_ALLOW of the "
                "movies and gateway services says which of these are allowed",
            )
        return url

    def permits(self, host: str, address: Address) -> bool:
        """Whether that host may be called at this address, which its name stands for now."""
        if host.lower().rstrip(".") in self.hosts:
            return True
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        real = mapped or address
        if any(real in network for network in self.networks):
            return True
        return real.is_global and not real.is_multicast and not any(real in one for one in _WRAPPING)

    def _names_outside(self, host: str) -> bool:
        name = host.lower().rstrip(".")
        if name in self.hosts:
            return True
        try:
            return self.permits(name, ip_address(name))
        except ValueError:
            return "." in name and not set(name.split(".")) & set(_INSIDE)
