"""Every service's keys on a real S3 server, on every kind of object; no keys, wrong ones, and others'."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from http.client import HTTPConnection
from io import BytesIO
from urllib.parse import urlsplit, urlunsplit

import pytest
import urllib3
from minio import Minio
from minio.credentials.credentials import Credentials
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from minio.signer import presign_v4
from pydantic import SecretStr

from reelmill_kit.errors import Reason, ReelmillError
from reelmill_kit.rights.store import ROLES, SERVICES, StoreRights, policy, rights
from reelmill_kit.settings import ServiceSettings
from reelmill_kit.store import S3Store
from reelmill_local.servers import S3Keys
from reelmill_local.stack import LocalStack

pytestmark = pytest.mark.stack
READER = "reader_demo"
USERS = (*SERVICES, READER)
KEYS = sorted(
    {
        pattern.replace("*", "x", pattern.count("*") - pattern.endswith("*")).replace("*", "y/z")
        for role in SERVICES
        for pattern in (*rights(role).read, *rights(role).write)
    }
    | {"projects/demo/movies/m/script.json", "projects/demo-2/movies/m/script.json", "projects/demo.json"}
    | {"projects/x/movies/x/movie.json", "projects/x/movies/x/secret", "models/m", "projects/x/y", "other"}
)
"""An object for each pattern of the table: a service or kind of object that is added is walked, too."""


class Forbidden(Exception):
    """What S3Error is for a single object."""


class Caller:
    def __init__(self, endpoint: str, bucket: str, access: str, secret: str) -> None:
        self._bucket = bucket
        self._client = Minio(
            endpoint.removeprefix("http://"), access, secret, secure=False, region="us-east-1",
            http_client=urllib3.PoolManager(retries=False, timeout=20),
        )  # fmt: skip

    def allowed(self, operation: str, key: str) -> bool:
        """Tries it. Raises S3Error where it fails for another reason than that it is forbidden."""
        try:
            getattr(self, operation)(key)
        except Forbidden:
            return False
        except S3Error as error:
            if error.code in ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"):
                return False
            raise
        return True

    def read(self, key: str) -> None:
        self._client.get_object(self._bucket, key).close()

    def look(self, key: str) -> None:
        self._client.stat_object(self._bucket, key)

    def content(self, key: str) -> bytes:
        answer = self._client.get_object(self._bucket, key)
        try:
            return bytes(answer.read())
        finally:
            answer.close()

    def write(self, key: str) -> None:
        self._client.put_object(self._bucket, key, BytesIO(b"2"), 1)

    def delete(self, key: str) -> None:
        self._client.remove_object(self._bucket, key)

    def list(self, key: str) -> None:
        list(self._client.list_objects(self._bucket, key, recursive=True))

    def delete_many(self, key: str) -> None:
        for error in self._client.remove_objects(self._bucket, [DeleteObject(key)]):
            raise Forbidden if error.code == "AccessDenied" else AssertionError(error.code)


class Bucket:
    def __init__(self, stack: LocalStack) -> None:
        found = stack.environment
        self.endpoint, self.name = found["REELMILL_S3_ENDPOINT"], found["REELMILL_S3_BUCKET"]
        self.owner = self.by(S3Keys(found["REELMILL_S3_ACCESS_KEY"], found["REELMILL_S3_SECRET_KEY"]))
        self.keys = {role: S3Keys.kept_in(stack.folder / "auth" / "s3" / f"{role}.json") for role in USERS}

    def by(self, keys: S3Keys) -> Caller:
        return Caller(self.endpoint, self.name, keys.access_key, keys.secret_key)

    def link(self, verb: str, target: str, keys: S3Keys, date: datetime | None = None) -> str:
        """A signed address, good for a minute from its date on."""
        url = urlsplit(f"{self.endpoint}{target}")
        signed = presign_v4(
            method=verb,
            url=url,
            region="us-east-1",
            credentials=Credentials(keys.access_key, keys.secret_key),
            date=date or datetime.now(UTC),
            expires=60,
        )
        return urlunsplit(signed)

    def settings(self, role: str) -> ServiceSettings:
        return ServiceSettings(
            s3_endpoint=self.endpoint,
            s3_bucket=self.name,
            s3_access_key=SecretStr(self.keys[role].access_key),
            s3_secret_key=SecretStr(self.keys[role].secret_key),
        )


@pytest.fixture(scope="module")
def bucket(seaweedfs_stack: LocalStack) -> Iterator[Bucket]:
    found = Bucket(seaweedfs_stack)
    for key in KEYS:
        found.owner.write(key)
    yield found
    for key in KEYS:
        found.owner.delete(key)


def matches(patterns: tuple[str, ...], key: str) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in patterns)


def expected(has: StoreRights, operation: str, key: str) -> bool:
    kind = {"look": "read", "delete": "write", "delete_many": "write"}.get(operation, operation)
    return matches(getattr(has, kind), key)


@pytest.mark.parametrize("user", USERS)
def test_keys_reach_what_the_table_lists_and_nothing_else(bucket: Bucket, user: str) -> None:
    role, _, project = user.partition("_")
    caller, has = bucket.by(bucket.keys[user]), rights(role, project)
    for operation in ("read", "look", "list", "write", "delete", "delete_many"):
        for key in KEYS:
            assert caller.allowed(operation, key) is expected(has, operation, key), (operation, key)
            if operation.startswith("delete") and expected(has, operation, key):
                bucket.owner.write(key)
    for key in ("", "projects/", "projects/x/movies/"):
        assert caller.allowed("list", key) is matches(has.list, key), key


@pytest.mark.parametrize("operation", ["read", "look", "list", "write", "delete"])
def test_without_keys_and_with_wrong_ones_nothing_is_reached(bucket: Bucket, operation: str) -> None:
    own = bucket.keys["movies"]
    wrong = [S3Keys("nobody", own.secret_key), S3Keys(own.access_key, "x" * 40),
             S3Keys(own.access_key, bucket.keys["qa"].secret_key)]  # fmt: skip
    for keys in wrong:
        assert not any(bucket.by(keys).allowed(operation, key) for key in KEYS[:4])
    verb = {"read": "GET", "look": "HEAD", "list": "GET", "write": "PUT", "delete": "DELETE"}[operation]
    for key in KEYS[:4] if operation != "list" else ["?list-type=2"]:
        answer = urllib3.request(verb, f"{bucket.endpoint}/{bucket.name}/{key}", body=None, retries=False)
        assert answer.status == 403, key


@pytest.mark.parametrize("path", ["..", "%2e%2e", "./..", "%2E%2E"])
def test_a_key_that_is_a_path_leads_nowhere_else(bucket: Bucket, path: str) -> None:
    """Of the render service, which may write frames and no script."""
    script = "projects/x/movies/x/script.json"
    target = f"/{bucket.name}/projects/x/movies/x/frames/{path}/script.json"
    signed = urlsplit(bucket.link("PUT", target, bucket.keys["render"]))
    connection = HTTPConnection(signed.netloc, timeout=20)  # sends a path as it stands; others tidy it
    connection.request("PUT", f"{signed.path}?{signed.query}", body=b"hacked")
    connection.getresponse().read()
    connection.close()
    assert bucket.owner.content(script) != b"hacked"


def test_a_url_that_has_expired_opens_nothing(bucket: Bucket) -> None:
    target = f"/{bucket.name}/projects/x/movies/x/script.json"
    now = datetime.now(UTC)
    for age, status in ((0, 200), (120, 403)):
        url = bucket.link("GET", target, bucket.keys["qa"], now - timedelta(seconds=age))
        assert urllib3.request("GET", url, retries=False).status == status


@pytest.mark.parametrize("role", SERVICES)
async def test_a_service_finds_with_its_own_keys_that_it_may_work(bucket: Bucket, role: str) -> None:
    store = S3Store(bucket.settings(role))
    await store.check()
    await store.check()
    with pytest.raises(ReelmillError) as refused:
        await store.put("models/mine", b"1", "text/plain")
    assert refused.value.reason is Reason.STORE_UNAVAILABLE
    assert "AccessDenied" in refused.value.message
    secret = bucket.keys[role].secret_key
    assert secret not in refused.value.message
    # What is not there is not there, and not forbidden, where it could be read.
    with pytest.raises(ReelmillError) as missing:
        await store.get("projects/none/movies/none/script.json")
    assert missing.value.reason is Reason.NOT_FOUND


@pytest.mark.parametrize("role", ROLES)
def test_a_policy_names_the_same_objects(role: str) -> None:
    project = "lamps" if role == "reader" else ""
    has = rights(role, project)
    names, reading, *writing = json.loads(policy(has, "b"))["Statement"]
    assert reading["Resource"] == [f"arn:aws:s3:::b/{pattern}" for pattern in has.read]
    assert [one["Resource"] for one in writing] == (
        [[f"arn:aws:s3:::b/{pattern}" for pattern in has.write]] if has.write else []
    )
    assert names["Resource"] == ["arn:aws:s3:::b"]


@pytest.mark.parametrize("project", ["*", "..", "lamps/../films", "lamps/*", "", "LAMPS", "a b"])
def test_a_readers_project_that_is_no_id_is_refused(project: str) -> None:
    with pytest.raises(ReelmillError, match="project"):
        rights("reader", project)
