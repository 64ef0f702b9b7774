"""User pools of a test's own, made over the API of the local pool whose address is in SIDEGATE_POOL."""

import base64
import hashlib
import hmac
import json
import os
import struct
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config

ENDPOINT = os.environ["SIDEGATE_POOL"].rstrip("/")
PASSWORD = "Correct-Horse-9!"
TRIGGERS = Path(__file__).resolve().parents[2] / "deploy/aws/triggers"

# The pool takes any signature, and the client sends none without credentials.
idp = boto3.client(
    "cognito-idp",
    endpoint_url=ENDPOINT,
    region_name="local",
    aws_access_key_id="local",
    aws_secret_access_key="local",
    config=Config(retries={"max_attempts": 1}),
)


class TestPool:
    """A pool where people sign in with their address."""

    def __init__(self, client=None, **settings):
        pool = idp.create_user_pool(
            **{
                "PoolName": "test",
                "UsernameAttributes": ["email"],
                "UsernameConfiguration": {"CaseSensitive": False},
                "AutoVerifiedAttributes": ["email"],
                **settings,
            }
        )
        self.id = pool["UserPool"]["Id"]
        made = idp.create_user_pool_client(
            **{
                "UserPoolId": self.id,
                "ClientName": "web",
                "ExplicitAuthFlows": [
                    "ALLOW_USER_SRP_AUTH",
                    "ALLOW_USER_PASSWORD_AUTH",
                    "ALLOW_ADMIN_USER_PASSWORD_AUTH",
                    "ALLOW_CUSTOM_AUTH",
                    "ALLOW_USER_AUTH",
                    "ALLOW_REFRESH_TOKEN_AUTH",
                ],
                "PreventUserExistenceErrors": "ENABLED",
                **(client or {}),
            }
        )["UserPoolClient"]
        self.client_id = made["ClientId"]
        self.client_secret = made.get("ClientSecret")

    def invited(self, email, password, **attributes):
        """A user with a temporary password."""
        every = {"email": email, "email_verified": "true", **attributes}
        idp.admin_create_user(
            UserPoolId=self.id,
            Username=email,
            TemporaryPassword=password,
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": name, "Value": value} for name, value in every.items()],
        )
        return email

    def user(self, email, **attributes):
        """A user with a password that stays."""
        self.invited(email, "Temporary-Pass-1!", **attributes)
        idp.admin_set_user_password(UserPoolId=self.id, Username=email, Password=PASSWORD, Permanent=True)
        return email

    def mfa(self, configuration, *, sms=False, email=False, totp=False):
        """Second factors; the local pool asks nobody for leave to send codes."""
        settings = {"MfaConfiguration": configuration}
        if sms:
            role = {"SnsCallerArn": "arn:aws:iam::000000000000:role/sms", "ExternalId": "test"}
            settings["SmsMfaConfiguration"] = {"SmsConfiguration": role}
        if email:
            settings["EmailMfaConfiguration"] = {}
        if totp:
            settings["SoftwareTokenMfaConfiguration"] = {"Enabled": True}
        idp.set_user_pool_mfa_config(UserPoolId=self.id, **settings)

    def secret_hash(self, name):
        """SECRET_HASH, as Cognito defines it."""
        mac = hmac.digest(self.client_secret.encode(), (name + self.client_id).encode(), "sha256")
        return base64.b64encode(mac).decode()


def code_sent_to(address):
    """The code of the newest message to an address."""
    with urllib.request.urlopen(f"{ENDPOINT}/outbox.json?to={urllib.parse.quote(address)}") as response:
        return json.load(response)["messages"][0]["code"]


def totp(secret, steps=0):
    """The code of an authenticator app, `steps` of 30 s from now (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    mac = hmac.digest(key, struct.pack(">Q", int(time.time()) // 30 + steps), hashlib.sha1)
    number = struct.unpack(">I", mac[mac[-1] & 15 :][:4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


class SampleTriggers:
    """The sample triggers as `serve.mjs` serves them; a context."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.mail = Path(self.folder.name) / "mail"
        self.server = subprocess.Popen(
            ["node", "serve.mjs", "0"],
            cwd=TRIGGERS,
            env={**os.environ, "MAIL_FILE": str(self.mail)},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self.server.stdout.readline().split()[-1]
        return self

    def __exit__(self, *_):
        self.server.terminate()
        self.server.wait()
        self.server.stdout.close()
        self.folder.cleanup()

    def custom(self, folder):
        """LambdaConfig of a folder's three functions."""
        url = f"{self.url}/2015-03-31/functions/{folder}"
        return {
            "DefineAuthChallenge": f"{url}-define/invocations",
            "CreateAuthChallenge": f"{url}-create/invocations",
            "VerifyAuthChallengeResponse": f"{url}-verify/invocations",
        }

    def mailed_code(self):
        """The code of the newest e-mail."""
        text = json.loads(self.mail.read_text().splitlines()[-1])["text"]
        return "".join(filter(str.isdigit, text.splitlines()[0]))
