"""Which tokens are believed."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from pydantic import ValidationError

from reelmill_kit.auth import AuthSettings, KeySet, Role
from reelmill_kit.auth.minting import jwks, mint, new_key
from reelmill_kit.errors import ReelmillError

from .auth_callers import ANOTHER_KEY, AUDIENCE, ISSUER, KEY, key_set, now, signed, token, verifier


def public_pem() -> bytes:
    key: Any = serialization.load_pem_private_key(KEY, None)
    return bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


def by_hand(header: dict[str, Any], claims: dict[str, Any], secret: bytes | None) -> str:
    """A token that a library refuses to make."""
    import base64
    import hashlib
    import hmac

    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    body = f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}"
    signature = hmac.new(secret, body.encode(), hashlib.sha256).digest() if secret is not None else b""
    return f"{body}.{part(signature)}"


def forged(algorithm: str, secret: bytes | None) -> str:
    header = jwt.get_unverified_header(token())
    claims = jwt.decode(token(), options={"verify_signature": False})
    return by_hand({**header, "alg": algorithm}, claims, secret)


async def refused(text: str, keys: KeySet | None = None) -> str:
    with pytest.raises(ReelmillError) as caught:
        await verifier(keys).caller(text)
    assert caught.value.reason == "UNAUTHENTICATED"
    assert text == "" or text not in caught.value.message
    return caught.value.message


async def test_a_right_token_says_who_calls_and_what_it_may_do() -> None:
    caller = await verifier().caller(token(("acme", "films"), Role.MAKER))
    assert (caller.subject, caller.role) == ("ada", Role.MAKER)
    assert {name for name in ("acme", "films", "acm", "*") if caller.sees(name)} == {"acme", "films"}


async def test_a_token_of_every_project_sees_every_project() -> None:
    assert (await verifier().caller(token(("*",)))).sees("whatever")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no JSON Web Token"),
        ("not.a.token", "no JSON Web Token"),
        ("\x00\xff", "no JSON Web Token"),
        (forged("none", None), "algorithm"),
        (forged("NONE", None), "algorithm"),
        (forged("HS256", public_pem()), "algorithm"),
        (forged("EdDSA", public_pem()), "signature"),
        (token(audience="another"), "audience"),
        (token(issuer="https://else.example"), "issuer"),
        (token(seconds=-600), "expired"),
        (signed({"exp": now() - 31}), "expired"),
        (signed({"nbf": now() + 600}), "clock"),
        (signed({"iat": now() + 600}), "clock"),
        (token(key=ANOTHER_KEY), "not known"),
        (signed({}, key=ANOTHER_KEY), "signature"),
        (signed({"exp": None}), "lacks"),
        (signed({"sub": ""}), "sub"),
        (signed({"sub": "x" * 201}), "sub"),
        (signed({"reelmill_projects": []}), "reelmill_projects"),
        (signed({"reelmill_projects": ["../acme"]}), "reelmill_projects"),
        (signed({"reelmill_projects": ["acme/movies/m"]}), "reelmill_projects"),
        (signed({"reelmill_projects": [7]}), "reelmill_projects"),
        (signed({"reelmill_projects": "ACME"}), "reelmill_projects"),
        (signed({"reelmill_role": "owner"}), "reelmill_role"),
        (signed({"reelmill_role": None}), "reelmill_role"),
        (signed({"more": "x" * 1_000_000}), "characters"),
    ],
)
async def test_a_wrong_token_is_refused_and_never_shown(text: str, words: str) -> None:
    assert words in await refused(text)


async def test_clocks_may_differ_by_the_leeway() -> None:
    assert (await verifier().caller(signed({"exp": now() - 20}))).subject == "ada"
    assert (await verifier().caller(signed({"iat": now() + 20}))).subject == "ada"


@pytest.mark.parametrize("algorithms", ['["none"]', '["HS256"]', "[]"])
def test_only_signatures_with_public_keys_can_be_allowed(
    algorithms: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELMILL_AUTH_ALGORITHMS", algorithms)
    with pytest.raises(ValidationError, match="auth_algorithms"):
        AuthSettings(auth="off")


def test_a_service_without_keys_says_what_to_set() -> None:
    with pytest.raises(ValidationError, match="REELMILL_AUTH_KEYS"):
        AuthSettings()


def test_a_token_for_a_project_that_is_a_path_cannot_be_made() -> None:
    with pytest.raises(ReelmillError, match="neither"):
        mint(
            KEY,
            issuer=ISSUER,
            audience=AUDIENCE,
            subject="ada",
            projects=["../x"],
            role=Role.READER,
            seconds=9,
        )


async def test_a_key_that_was_rotated_away_is_refused_and_the_new_one_known_at_once(tmp_path: Path) -> None:
    file, newer = tmp_path / "keys.json", new_key()
    file.write_text(jwks(KEY))
    keys = KeySet.of_file(file, lifespan=0.1, pause=0.0)
    assert (await verifier(keys).caller(token())).subject == "ada"
    file.write_text(jwks(newer))
    assert (await verifier(keys).caller(token(key=newer))).subject == "ada"
    assert "not any more" in await refused(token(), keys)


async def test_a_file_that_is_broken_for_a_while_leaves_the_keys_of_before(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(jwks(KEY))
    keys = KeySet.of_file(file, lifespan=0.0, pause=0.0)
    assert (await verifier(keys).caller(token())).subject == "ada"
    for broken in ("{", "{}", '{"keys": []}'):
        file.write_text(broken)
        assert (await verifier(keys).caller(token())).subject == "ada"
    file.unlink()
    assert (await verifier(keys).caller(token())).subject == "ada"


async def test_without_any_keys_a_call_may_come_again_later(tmp_path: Path) -> None:
    with pytest.raises(ReelmillError) as caught:
        await verifier(KeySet.of_file(tmp_path / "none")).caller(token())
    assert (caught.value.reason, caught.value.transient) == ("NOT_READY", True)


class Issuer:
    """An address with a JWKS document, and how often it was asked."""

    def __init__(self) -> None:
        self.document, self.asked, self.url = jwks(KEY), 0, ""


@contextmanager
def issuer() -> Iterator[Issuer]:
    state = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked += 1
            self.send_response(200)
            self.end_headers()
            self.wfile.write(state.document.encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/keys"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


async def test_an_address_is_asked_once_for_many_calls_and_again_for_an_unknown_key() -> None:
    with issuer() as known:
        keys = KeySet.of_address(known.url, pause=0.0)
        await asyncio.gather(*(verifier(keys).caller(token()) for _ in range(20)))
        assert known.asked == 1
        newer = new_key()
        known.document = jwks(KEY, newer)
        assert (await verifier(keys).caller(token(key=newer))).subject == "ada"
        assert known.asked == 2


async def test_strangers_tokens_do_not_make_it_ask_the_address_again_and_again() -> None:
    with issuer() as known:
        keys = KeySet.of_address(known.url)
        for _ in range(50):
            await refused(token(key=new_key()), keys)
        assert known.asked == 1


async def test_of_several_keys_a_token_must_name_one() -> None:
    plain = jwt.encode(jwt.decode(token(), options={"verify_signature": False}), KEY, algorithm="EdDSA")
    assert (await verifier().caller(plain)).subject == "ada"
    assert "not known" in await refused(plain, key_set(KEY, ANOTHER_KEY))
