"""A store that looks at signatures and roles is read by who may, and others are told what to do."""

from __future__ import annotations

import json
import shutil
import urllib.request
from typing import TYPE_CHECKING

import boto3
import pytest

import orbscan
from tests.remote import servers
from tests.remote.buckets import BUCKET
from tests.remote.parity import answer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BASE = f"s3://{BUCKET}"
V1 = "o0.12.8-v1-sharded/chunked"
ROLES = {
    "reader": ["s3:GetObject", "s3:ListBucket"],
    "getter": ["s3:GetObject"],
    "lister": ["s3:ListBucket"],
    "nobody": ["sqs:ListQueues"],
}
Keys = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def keys(disk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keys]:
    """Options that lead to a store, by the name of the role that they have."""
    root = tmp_path_factory.mktemp("roles")
    shutil.copytree(disk / V1, root / BUCKET / V1)
    with servers.moto(root) as port:
        endpoint = f"http://127.0.0.1:{port}"
        writer = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
        iam = boto3.client("iam", endpoint_url=endpoint, region_name="us-east-1", **writer)
        made = {}
        for role, actions in ROLES.items():
            iam.create_user(UserName=role)
            statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
            policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            iam.put_user_policy(UserName=role, PolicyName="one", PolicyDocument=policy)
            key = iam.create_access_key(UserName=role)["AccessKey"]
            made[role] = {
                "endpoint": endpoint,
                "region": "us-east-1",
                "access_key_id": key["AccessKeyId"],
                "secret_access_key": key["SecretAccessKey"],
            }
        # From here on it looks at every request.
        text = {"Content-Type": "text/plain"}
        switch = urllib.request.Request(f"{endpoint}/moto-api/reset-auth", b"0", text)  # noqa: S310
        urllib.request.urlopen(switch).close()  # noqa: S310
        yield made


def test_what_is_signed_is_answered(disk: Path, keys: Keys) -> None:
    there = answer(f"{BASE}/{V1}", BASE, store_options=keys["reader"])
    assert there == answer(disk / V1, str(disk))


WRONG = {
    "secret": {"secret_access_key": "other"},
    "key": {"access_key_id": "AKIAIOSFODNN7EXAMPLE"},
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.usefixtures("once")
def test_what_is_not_signed_as_it_must_be_is_not_known(keys: Keys, what: str) -> None:
    with pytest.raises(orbscan.StoreError, match="does not know the credentials") as raised:
        orbscan.metadata(f"{BASE}/{V1}", store_options=keys["reader"] | WRONG[what])
    assert raised.value.fault == "credentials"


@pytest.mark.parametrize("role", ["getter", "lister", "nobody"])
@pytest.mark.usefixtures("once")
def test_a_role_that_may_not_do_both_is_told_what_it_needs(keys: Keys, role: str) -> None:
    with pytest.raises(orbscan.StoreError, match="list and get objects") as raised:
        orbscan.metadata(f"{BASE}/{V1}", store_options=keys[role])
    assert raised.value.fault == "forbidden"
