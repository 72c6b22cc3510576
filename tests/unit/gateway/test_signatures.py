"""Our signatures and those of the convention's own package are the same."""

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from reelmill_gateway.secrets import WebhookSecrets
from reelmill_gateway.signatures import secret_of, signed, verify
from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.names import ProjectName

TEXT = "whsec_" + base64.b64encode(b"k" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"o" * 24).decode()
SECRET, NOW, BODY = secret_of(TEXT), 1_800_000_000, b'{"theme": "Ein Leuchtturm \xc3\xbcber allem"}'


def theirs(secret: str = TEXT, id: str = "d-1", at: int = NOW, body: bytes = BODY) -> dict[str, str]:
    """The headers that the convention's own package makes."""
    signature = Webhook(secret).sign(id, datetime.fromtimestamp(at, UTC), body.decode())
    return {"webhook-id": id, "webhook-timestamp": str(at), "webhook-signature": signature}


def refused(headers: dict[str, str], body: bytes = BODY, *secrets: bytes) -> str:
    with pytest.raises(ReelmillError) as caught:
        verify(secrets or [SECRET], headers, body, NOW)
    assert caught.value.reason is Reason.UNAUTHENTICATED
    return caught.value.message


def test_what_the_conventions_package_signs_is_believed() -> None:
    verify([SECRET], theirs(), BODY, NOW)


def test_what_we_sign_the_conventions_package_believes() -> None:
    now = int(datetime.now(UTC).timestamp())
    Webhook(TEXT).verify(BODY, signed(SECRET, "d-1", now, BODY))


def test_a_body_need_not_be_text() -> None:
    body = bytes(range(256))
    verify([SECRET], signed(SECRET, "d-1", NOW, body), body, NOW)


def test_while_a_secret_is_changed_both_are_believed() -> None:
    for secret in (TEXT, OTHER):
        verify([secret_of(OTHER), SECRET], theirs(secret), BODY, NOW)
    both = {**theirs(), "webhook-signature": f"{theirs(OTHER)['webhook-signature']} v1a,xx x "}
    verify([secret_of(OTHER)], both, BODY, NOW)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_each_header_is_needed(name: str) -> None:
    headers = theirs()
    del headers[name]
    assert name in refused(headers)


@pytest.mark.parametrize(
    ("change", "body"),
    [
        ({}, BODY + b" "),
        ({"webhook-id": "d-2"}, BODY),
        ({"webhook-timestamp": str(NOW + 1)}, BODY),
        ({"webhook-signature": theirs(OTHER)["webhook-signature"]}, BODY),
        ({"webhook-signature": "v1,"}, BODY),
        ({"webhook-signature": "v2," + theirs()["webhook-signature"][3:]}, BODY),
        ({"webhook-signature": "\xff"}, BODY),
    ],
)
def test_what_was_changed_or_signed_by_another_is_refused(change: dict[str, str], body: bytes) -> None:
    assert "webhook-signature" in refused({**theirs(), **change}, body)


def test_a_project_without_secrets_believes_nobody() -> None:
    with pytest.raises(ReelmillError):
        verify([], theirs(), BODY, NOW)


@pytest.mark.parametrize("away", [-600, -301, 301, 600])
def test_a_clock_that_is_far_off_is_told_so(away: int) -> None:
    message = refused(theirs(at=NOW + away))
    assert f"{abs(away)} s {'before' if away < 0 else 'after'}" in message
    assert "clock" in message


@pytest.mark.parametrize("away", [-300, 300])
def test_a_clock_may_be_five_minutes_off(away: int) -> None:
    verify([SECRET], theirs(at=NOW + away), BODY, NOW)


@pytest.mark.parametrize("value", ["", "soon", "-5", "1e9", "1800000000.5", "٣", "9" * 400])
def test_a_time_that_is_none_is_refused(value: str) -> None:
    assert "webhook-timestamp" in refused({**theirs(), "webhook-timestamp": value})


def test_secrets_are_read_anew_at_every_use_and_never_shown(tmp_path: Path) -> None:
    secrets, acme = WebhookSecrets(tmp_path), ProjectName("acme")
    assert secrets.of(acme) == []
    (tmp_path / "acme").write_text(f"{TEXT}\n{OTHER}\n")
    assert secrets.of(acme) == [SECRET, secret_of(OTHER)]
    for wrong in ("whsec_dG9vIHNob3J0", "whsec_?" + TEXT[7:], TEXT + "é"):
        (tmp_path / "acme").write_text(wrong)
        with pytest.raises(ReelmillError) as caught:
            secrets.of(acme)
        assert caught.value.reason is Reason.NOT_READY
        assert wrong[6:] not in caught.value.message
