"""What a bearer token says, believed only where it is signed, for us, and of now."""

from collections.abc import Sequence

import jwt

from .callers import Caller, unauthenticated
from .keys import KeySet
from .settings import Algorithm, AuthSettings

MAX_BYTES = 8192
_WRONG: list[tuple[type[jwt.PyJWTError], str]] = [
    (jwt.ExpiredSignatureError, "the token has expired"),
    (jwt.ImmatureSignatureError, "the token is not valid yet; a clock may be wrong"),
    (jwt.InvalidAudienceError, "the token is for another audience"),
    (jwt.InvalidIssuerError, "the token is of another issuer"),
    (jwt.MissingRequiredClaimError, "the token lacks one of the claims exp, iss, aud, sub"),
    (jwt.InvalidAlgorithmError, "the token is signed with an algorithm that is not allowed"),
    (jwt.InvalidSignatureError, "the token's signature is wrong"),
]


class TokenVerifier:
    def __init__(
        self,
        keys: KeySet,
        *,
        issuer: str,
        audience: str,
        algorithms: Sequence[Algorithm] = ("RS256", "ES256", "EdDSA"),
        leeway: float = 30.0,
        projects_claim: str = "reelmill_projects",
        role_claim: str = "reelmill_role",
    ) -> None:
        """`leeway`: seconds that clocks may differ."""
        self.keys = keys
        self._issuer = issuer
        self._audience = audience
        self._algorithms = list(algorithms)
        self._leeway = leeway
        self._claims = (projects_claim, role_claim)

    @classmethod
    def configured(cls, settings: AuthSettings) -> "TokenVerifier | None":
        """None where everybody may do everything."""
        if settings.auth == "off":
            return None
        keys = KeySet.of_file(settings.auth_keys) if settings.auth_keys else None
        return cls(
            keys or KeySet.of_address(settings.auth_jwks_url),
            issuer=settings.auth_issuer,
            audience=settings.auth_audience,
            algorithms=settings.auth_algorithms,
            leeway=settings.auth_leeway,
            projects_claim=settings.auth_projects_claim,
            role_claim=settings.auth_role_claim,
        )

    async def caller(self, token: str) -> Caller:
        """Raises UNAUTHENTICATED saying what is wrong, never showing the token; NOT_READY without keys."""
        if len(token) > MAX_BYTES:
            raise unauthenticated(f"the token has more than {MAX_BYTES} characters")
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise unauthenticated("the token is no JSON Web Token") from None
        if header.get("alg") not in self._algorithms:
            raise unauthenticated("the token is signed with an algorithm that is not allowed")
        kid = header.get("kid")
        if (key := await self.keys.get(kid)) is None:
            raise unauthenticated("the token is signed with a key that is not known, or not any more")
        try:
            claims = jwt.decode(
                token,
                key=key,
                algorithms=self._algorithms,
                issuer=self._issuer,
                audience=self._audience,
                leeway=self._leeway,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            # PyJWT's own words may quote parts of the token.
            words = next(
                (words for kind, words in _WRONG if isinstance(error, kind)), "the token is not valid"
            )
            raise unauthenticated(words) from None
        return Caller.from_claims(claims, *self._claims)
