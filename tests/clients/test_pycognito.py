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


def srp(pool, password=PASSWORD, name=ADA, client=idp, **device):
    return AWSSRP(
        username=name,
        password=password,
        pool_id=pool.id,
        client_id=pool.client_id,
        client_secret=pool.client_secret,
        client=client,
        **device,
    )


class WithSession:
    """Hands on the session of the last answer, which pycognito leaves out of its answers to a device's challenges."""

    session = None

    def initiate_auth(self, **request):
        return self.keep(idp.initiate_auth(**request))

    def respond_to_auth_challenge(self, **request):
        session = {"Session": self.session} if self.session else {}
        return self.keep(idp.respond_to_auth_challenge(**session, **request))

    def keep(self, answer):
        self.session = answer.get("Session")
        return answer


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

    def test_an_authenticator_app(self):
        pool = TestPool()
        pool.mfa("OPTIONAL", totp=True)
        pool.user(ADA)
        user = person(pool)
        user.authenticate(PASSWORD)
        secret = user.associate_software_token()
        self.assertTrue(user.verify_software_token(totp(secret, -1), "phone"))
        user.set_user_mfa_preference(False, True, "SOFTWARE_TOKEN")
        user = person(pool)
        with self.assertRaises(SoftwareTokenMFAChallengeException):
            user.authenticate(PASSWORD)
        with self.assertRaises(exceptions.CodeMismatchException):
            user.respond_to_software_token_mfa_challenge("000000")
        user.respond_to_software_token_mfa_challenge(totp(secret))
        self.assert_signed_in(user)

    def test_a_code_by_sms(self):
        pool = TestPool()
        pool.mfa("OPTIONAL", sms=True)
        pool.user(ADA, phone_number=PHONE, phone_number_verified="true")
        user = person(pool)
        user.authenticate(PASSWORD)
        user.set_user_mfa_preference(True, False, "SMS")
        user = person(pool)
        with self.assertRaises(SMSMFAChallengeException):
            user.authenticate(PASSWORD)
        user.respond_to_sms_mfa_challenge(code_sent_to(PHONE))
        self.assert_signed_in(user)

    def test_a_remembered_device_proves_itself(self):
        pool = TestPool(
            DeviceConfiguration={"ChallengeRequiredOnNewDevice": True, "DeviceOnlyRememberedOnUserPrompt": False}
        )
        pool.user(ADA)
        tokens = srp(pool).authenticate_user()["AuthenticationResult"]
        device = tokens["NewDeviceMetadata"]
        key, group = device["DeviceKey"], device["DeviceGroupKey"]
        # pycognito's own `confirm_device` knows AWS's hosts only; the arithmetic is its own.
        password, verifier = generate_hash_device(group, key)
        idp.confirm_device(
            AccessToken=tokens["AccessToken"], DeviceKey=key, DeviceSecretVerifierConfig=verifier, DeviceName="test"
        )
        trusted = {"device_key": key, "device_group_key": group, "device_password": password}
        trusting = {**trusted, "client": WithSession()}
        again = srp(pool, **trusting).authenticate_user()["AuthenticationResult"]
        self.assertEqual(len(idp.list_devices(AccessToken=again["AccessToken"])["Devices"]), 1)
        with self.assertRaises(exceptions.NotAuthorizedException):
            srp(pool, **{**trusting, "device_password": "wrong"}).authenticate_user()
        idp.forget_device(AccessToken=again["AccessToken"], DeviceKey=key)
        with self.assertRaises(exceptions.ResourceNotFoundException):
            srp(pool, **trusting).authenticate_user()


if __name__ == "__main__":
    unittest.main()
