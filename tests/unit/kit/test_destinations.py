"""Where callbacks may go: names and addresses inside are refused unless they are allowed."""

from ipaddress import ip_address

import pytest

from reelmill_kit.destinations import Destinations, DestinationSettings
from reelmill_kit.errors import Reason, ReelmillError

STRICT = Destinations()
OPEN = Destinations.configured(
    DestinationSettings(callback_allow=["hooks.films.svc", "10.1.0.0/16", "fd00:1::/32"], callback_http=True)
)
INSIDE = [
    "127.0.0.1", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1",
    "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::",
]  # fmt: skip


def refused(url: str, destinations: Destinations = STRICT) -> str:
    with pytest.raises(ReelmillError) as caught:
        destinations.check(url, "movie.callback_uri")
    assert caught.value.reason is Reason.INVALID_FIELD
    assert caught.value.metadata == {"field": "movie.callback_uri"}
    return caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example/a?b=c",
        "https://hooks.example:8443",
        "https://93.184.216.34/",
        "https://[2606:4700::1111]/",
    ],
)
def test_public_addresses_are_taken(url: str) -> None:
    assert STRICT.check(url, "f") == url


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_inside_are_refused_when_named_and_when_called(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    assert "REELMILL_CALLBACK_ALLOW" in refused(f"https://{host}/hook")
    assert not STRICT.permits("innocent.example", ip_address(address))


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST.", "reelmill-movies", "movies.films.svc", "movies.films.svc.cluster.local",
     "metadata.google.internal", "printer.local"],
)  # fmt: skip
def test_names_that_a_cluster_alone_knows_are_refused(host: str) -> None:
    assert "REELMILL_CALLBACK_ALLOW" in refused(f"https://{host}/hook")


@pytest.mark.parametrize(
    "url",
    ["", "hooks.example", "http://hooks.example", "ftp://hooks.example", "file:///etc/passwd", "https://",
     "https://me:secret@hooks.example", "https://@hooks.example", "https://hooks.example/#f", "https://a.b:99999",
     "https://[::1", "https://hooks.example/\r\nx: y", "https://hooks.example\\@10.0.0.1", "https://hööks.example",
     "https://hooks.example/" + "a" * 2000],
)  # fmt: skip
def test_what_is_no_https_address_is_refused(url: str) -> None:
    refused(url)


def test_a_refusal_does_not_show_a_password() -> None:
    assert "secret" not in refused("https://me:secret@hooks.example")


def test_what_the_installation_allows_is_taken_and_nothing_beside_it() -> None:
    for url in (
        "http://hooks.films.svc/x",
        "https://10.1.2.3/",
        "https://[fd00:1::5]/",
        "http://hooks.example/",
    ):
        assert OPEN.check(url, "f") == url
    for url in ("https://10.2.0.1/", "https://movies.films.svc/", "https://hooks.films.svc.evil.svc/"):
        refused(url, OPEN)
    assert OPEN.permits("hooks.films.svc", ip_address("10.9.9.9"))
    assert OPEN.permits("any.example", ip_address("10.1.9.9"))
    assert OPEN.permits("any.example", ip_address("::ffff:10.1.9.9"))
    assert not OPEN.permits("any.example", ip_address("10.9.9.9"))
