"""Ceph's STS with the testbed's OpenID provider: keys for a token, sessions of seconds that end."""

from dataclasses import dataclass, replace
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from tests.testbed.ceph import ALL_OF_S3, compact
from tests.testbed.openid import OpenId
from tests.testbed.s3 import S3Server

ROLE = "HepUser"
AUDIENCE = "https://s3.test.hep"
LONGEST_S = 43200


@dataclass(frozen=True)
class WebIdentity:
    """A role of a server that whoever has a token for the audience may take."""

    server: S3Server
    role_arn: str
    audience: str = AUDIENCE

    def session(self, token: str, seconds: int) -> S3Server:
        """Exchange a token for keys; botocore's ClientError says that it was refused."""
        keys = self.exchange(token, seconds)["Credentials"]
        return replace(
            self.server,
            access_key=keys["AccessKeyId"],
            secret_key=keys["SecretAccessKey"],
            session_token=keys["SessionToken"],
        )

    def exchange(self, token: str, seconds: int) -> dict[str, Any]:
        """Return the whole answer of AssumeRoleWithWebIdentity, which needs no key."""
        client = boto3.client(
            "sts",
            endpoint_url=self.server.endpoint,
            region_name=self.server.region,
            config=Config(signature_version=UNSIGNED, parameter_validation=False, proxies={}),
        )
        answer: dict[str, Any] = client.assume_role_with_web_identity(
            RoleArn=self.role_arn,
            RoleSessionName="test",
            WebIdentityToken=token,
            DurationSeconds=seconds,
        )
        return answer


def trust(server: S3Server, provider: OpenId) -> WebIdentity:
    """Let Ceph trust the provider, and whoever has its token for the audience do all of S3."""
    iam = server.client("iam")
    place = provider.issuer.removeprefix("https://")
    iam.create_open_id_connect_provider(
        Url=provider.issuer,
        ClientIDList=[AUDIENCE, provider.client_id, provider.public_client_id],
        ThumbprintList=[provider.signing.thumbprint()],
    )
    who = {"Federated": [f"arn:aws:iam:::oidc-provider/{place}"]}
    statement = {
        "Effect": "Allow",
        "Principal": who,
        "Action": ["sts:AssumeRoleWithWebIdentity"],
        "Condition": {"StringEquals": {f"{place}:app_id": AUDIENCE}},
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    role = iam.create_role(
        RoleName=ROLE,
        Path="/",
        AssumeRolePolicyDocument=compact(policy),
        MaxSessionDuration=LONGEST_S,
    )["Role"]
    iam.put_role_policy(RoleName=ROLE, PolicyName="s3", PolicyDocument=compact(ALL_OF_S3))
    return WebIdentity(server, role["Arn"])
