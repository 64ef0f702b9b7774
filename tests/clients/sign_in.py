"""Signs in to a local user pool with the clients people really use.

Arguments: endpoint, pool id, client id, client id with secret, its secret, user name, password.
Prints one line for each way that worked; any exception ends it with a traceback.
"""

import sys

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from pycognito import AWSSRP

endpoint, pool, client, secret_client, secret, user, password = sys.argv[1:]
idp = boto3.client(
    "cognito-idp",
    endpoint_url=endpoint,
    region_name="eu-west-1",
    config=Config(signature_version=UNSIGNED, retries={"max_attempts": 1}),
)


def look(tokens, way):
    """The tokens are good: the pool itself knows their owner."""
    who = idp.get_user(AccessToken=tokens["AccessToken"])
    names = {attribute["Name"]: attribute["Value"] for attribute in who["UserAttributes"]}
    assert names["email"] == user, names
    print(f"ok {way}")


answer = idp.initiate_auth(
    AuthFlow="USER_PASSWORD_AUTH",
    ClientId=client,
    AuthParameters={"USERNAME": user, "PASSWORD": password},
)
look(answer["AuthenticationResult"], "boto3 USER_PASSWORD_AUTH")

tokens = idp.get_tokens_from_refresh_token(
    RefreshToken=answer["AuthenticationResult"]["RefreshToken"], ClientId=client
)
look(tokens["AuthenticationResult"], "boto3 GetTokensFromRefreshToken")

for name, options in [
    ("a public client", {"client_id": client}),
    ("a client with a secret", {"client_id": secret_client, "client_secret": secret}),
]:
    srp = AWSSRP(username=user, password=password, pool_id=pool, client=idp, **options)
    answer = srp.authenticate_user()
    look(answer["AuthenticationResult"], f"pycognito USER_SRP_AUTH, {name}")

try:
    idp.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=client,
        AuthParameters={"USERNAME": user, "PASSWORD": "wrong-Pass-1!"},
    )
except idp.exceptions.NotAuthorizedException as refused:
    assert refused.response["Error"]["Message"] == "Incorrect username or password.", refused
    print("ok boto3 a wrong password")
else:
    raise AssertionError("a wrong password was let in")

try:
    AWSSRP(username=user, password="wrong-Pass-1!", pool_id=pool, client=idp, client_id=client).authenticate_user()
except idp.exceptions.NotAuthorizedException:
    print("ok pycognito a wrong password")
else:
    raise AssertionError("a wrong password was let in")

idp.revoke_token(Token=answer["AuthenticationResult"]["RefreshToken"], ClientId=secret_client, ClientSecret=secret)
print("ok boto3 RevokeToken")
