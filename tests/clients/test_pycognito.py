"""pycognito against the local pool, through everything it supports. Its SRP is an implementation of its own."""

import unittest

from botocore.config import Config
from pycognito import AWSSRP, Cognito
from pycognito.aws_srp import generate_hash_device
from pycognito.exceptions import (
    ForceChangePasswordException,
    SMSMFAChallengeException,
    SoftwareTokenMFAChallengeException,
)

from pool import ENDPOINT, PASSWORD, TestPool, code_sent_to, idp, totp

ADA = "ada@example.com"
PHONE = "+15555550123"
exceptions = idp.exceptions


def person(pool, name=ADA):
    return Cognito(
        pool.id,
        pool.client_id,
        client_secret=pool.client_secret,
        username=name,
        access_key="local",
        secret_key="local",
        botocore_config=Config(retries={"max_attempts": 1}),
        boto3_client_kwargs={"endpoint_url": ENDPOINT},
    )


def srp(pool, password=PASSWORD, name=ADA, **device):
    return AWSSRP(
        username=name,
        password=password,
        pool_id=pool.id,
        client_id=pool.client_id,
        client_secret=pool.client_secret,
        client=idp,
        **device,
    )


class Pycognito(unittest.TestCase):
    def assert_signed_in(self, user, email=ADA):
        """The tokens hold by the pool's keys, and the pool knows their owner."""
        user.verify_tokens()
        self.assertEqual(user.get_user().email, email)

    def test_srp_refresh_and_sign_out_with_and_without_a_client_secret(self):
        for client in [{}, {"GenerateSecret": True}]:
            pool = TestPool(client=client)
            pool.user(ADA)
            user = person(pool)
            user.authenticate(PASSWORD)
            self.assert_signed_in(user)
            # A secret hash for a refresh is over the internal name.
            user.username = user.access_claims["username"]
            user.renew_access_token()
            self.assert_signed_in(user)
            user.logout()
            for password, name in [("wrong-Pass-1!", ADA), (PASSWORD, "nobody@example.com")]:
                with self.assertRaises(exceptions.NotAuthorizedException):
                    srp(pool, password, name).authenticate_user()

    def test_the_password_in_clear(self):
        pool = TestPool()
        pool.user(ADA)
        user = person(pool)
        user.admin_authenticate(PASSWORD)
        self.assert_signed_in(user)

    def test_a_temporary_password_is_replaced(self):
        pool = TestPool()
        pool.invited(ADA, "Temporary-Pass-1!")
        with self.assertRaises(ForceChangePasswordException):
            person(pool).authenticate("Temporary-Pass-1!")
        user = person(pool)
        user.new_password_challenge("Temporary-Pass-1!", PASSWORD)
        self.assert_signed_in(user)

    def test_sign_up(self):
        pool = TestPool()
        user = person(pool)
        user.set_base_attributes(email=ADA)
        user.register(ADA, PASSWORD)
        with self.assertRaises(exceptions.UserNotConfirmedException):
            user.authenticate(PASSWORD)
        user.resend_confirmation_code(ADA)
        user.confirm_sign_up(code_sent_to(ADA), ADA)
        user = person(pool)
        user.authenticate(PASSWORD)
        self.assert_signed_in(user)
        user.delete_user()
        with self.assertRaises(exceptions.NotAuthorizedException):
            person(pool).authenticate(PASSWORD)

    def test_forgotten_and_changed_passwords(self):
        pool = TestPool()
        pool.user(ADA)
        user = person(pool)
        user.initiate_forgot_password()
        user.confirm_forgot_password(code_sent_to(ADA), "Another-Horse-7!")
        user.authenticate("Another-Horse-7!")
        user.change_password("Another-Horse-7!", PASSWORD)
        user = person(pool)
        user.authenticate(PASSWORD)
        self.assert_signed_in(user)

    def test_attributes(self):
        pool = TestPool()
        pool.user(ADA)
        user = person(pool)
        user.authenticate(PASSWORD)
        user.update_profile({"email": "augusta@example.com", "given_name": "Augusta"})
        user.send_verification()
        user.validate_verification(code_sent_to("augusta@example.com"))
        known = user.get_user()
        self.assertEqual((known.email, known.email_verified, known.given_name), ("augusta@example.com", True, "Augusta"))

if __name__ == "__main__":
    unittest.main()
