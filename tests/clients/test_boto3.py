"""boto3 against the local pool: every operation of a sign-in, as its model shapes them."""

import unittest

from pool import PASSWORD, SampleTriggers, TestPool, code_sent_to, idp, totp

ADA = "ada@example.com"
PHONE = "+15555550123"
exceptions = idp.exceptions


def attributes(access_token):
    """The user's attributes, as the pool itself tells them."""
    answer = idp.get_user(AccessToken=access_token)
    return {each["Name"]: each["Value"] for each in answer["UserAttributes"]}


class Boto3(unittest.TestCase):
    def start(self, pool, flow, **parameters):
        return idp.initiate_auth(AuthFlow=flow, ClientId=pool.client_id, AuthParameters=parameters)

    def respond(self, pool, answer, **responses):
        return idp.respond_to_auth_challenge(
            ChallengeName=answer["ChallengeName"],
            ClientId=pool.client_id,
            Session=answer["Session"],
            ChallengeResponses=responses,
        )

    def sign_in(self, pool, password=PASSWORD, name=ADA):
        return self.start(pool, "USER_PASSWORD_AUTH", USERNAME=name, PASSWORD=password)

    def assert_signed_in(self, answer, email=ADA):
        tokens = answer["AuthenticationResult"]
        self.assertEqual(attributes(tokens["AccessToken"])["email"], email)
        return tokens

    def test_passwords_refresh_revocation_and_sign_out(self):
        pool = TestPool()
        pool.user(ADA)
        tokens = self.assert_signed_in(self.sign_in(pool))
        refreshed = self.start(pool, "REFRESH_TOKEN_AUTH", REFRESH_TOKEN=tokens["RefreshToken"])
        self.assert_signed_in(refreshed)
        self.assertNotIn("RefreshToken", refreshed["AuthenticationResult"])
        self.assert_signed_in(
            idp.get_tokens_from_refresh_token(RefreshToken=tokens["RefreshToken"], ClientId=pool.client_id)
        )
        idp.revoke_token(Token=tokens["RefreshToken"], ClientId=pool.client_id)
        with self.assertRaises(exceptions.NotAuthorizedException):
            self.start(pool, "REFRESH_TOKEN_AUTH", REFRESH_TOKEN=tokens["RefreshToken"])
        tokens = self.assert_signed_in(self.sign_in(pool))
        idp.global_sign_out(AccessToken=tokens["AccessToken"])
        with self.assertRaises(exceptions.NotAuthorizedException):
            idp.get_user(AccessToken=tokens["AccessToken"])
        self.assert_signed_in(
            idp.admin_initiate_auth(
                UserPoolId=pool.id,
                ClientId=pool.client_id,
                AuthFlow="ADMIN_USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": ADA, "PASSWORD": PASSWORD},
            )
        )

    def test_who_exists_is_not_told(self):
        pool = TestPool()
        pool.user(ADA)
        texts = set()
        for name, password in [(ADA, "wrong-Pass-1!"), ("nobody@example.com", PASSWORD)]:
            with self.assertRaises(exceptions.NotAuthorizedException) as refused:
                self.sign_in(pool, password, name)
            texts.add(refused.exception.response["Error"]["Message"])
        self.assertEqual(texts, {"Incorrect username or password."})

    def test_a_client_with_a_secret_has_to_prove_it(self):
        pool = TestPool(client={"GenerateSecret": True})
        pool.user(ADA)
        with self.assertRaises(exceptions.NotAuthorizedException):
            self.sign_in(pool)
        answer = self.start(
            pool, "USER_PASSWORD_AUTH", USERNAME=ADA, PASSWORD=PASSWORD, SECRET_HASH=pool.secret_hash(ADA)
        )
        tokens = self.assert_signed_in(answer)
        idp.revoke_token(Token=tokens["RefreshToken"], ClientId=pool.client_id, ClientSecret=pool.client_secret)

    def test_a_temporary_password_is_replaced(self):
        pool = TestPool()
        pool.invited(ADA, "Temporary-Pass-1!")
        asked = self.sign_in(pool, "Temporary-Pass-1!")
        self.assertEqual(asked["ChallengeName"], "NEW_PASSWORD_REQUIRED")
        self.assert_signed_in(self.respond(pool, asked, USERNAME=ADA, NEW_PASSWORD=PASSWORD))
        self.assert_signed_in(self.sign_in(pool))

    def test_custom_challenges(self):
        with SampleTriggers() as triggers:
            for folder in ["captcha", "email-code"]:
                pool = TestPool(LambdaConfig=triggers.custom(folder))
                pool.user(ADA)
                asked = self.start(pool, "CUSTOM_AUTH", USERNAME=ADA)
                self.assertEqual(asked["ChallengeName"], "CUSTOM_CHALLENGE")
                if folder == "captcha":
                    self.assertTrue(asked["ChallengeParameters"]["captchaUrl"].startswith("data:image/png;base64,"))
                    asked = self.respond(pool, asked, USERNAME=ADA, ANSWER="email")
                self.assert_signed_in(self.respond(pool, asked, USERNAME=ADA, ANSWER=triggers.mailed_code()))

    def test_sign_up(self):
        pool = TestPool()
        made = idp.sign_up(
            ClientId=pool.client_id,
            Username=ADA,
            Password=PASSWORD,
            UserAttributes=[{"Name": "email", "Value": ADA}],
        )
        self.assertEqual(made["CodeDeliveryDetails"]["Destination"], "a***@e***")
        with self.assertRaises(exceptions.UserNotConfirmedException):
            self.sign_in(pool)
        idp.resend_confirmation_code(ClientId=pool.client_id, Username=ADA)
        idp.confirm_sign_up(ClientId=pool.client_id, Username=ADA, ConfirmationCode=code_sent_to(ADA))
        tokens = self.assert_signed_in(self.sign_in(pool))
        idp.delete_user(AccessToken=tokens["AccessToken"])
        with self.assertRaises(exceptions.NotAuthorizedException):
            self.sign_in(pool)

    def test_forgotten_reset_and_changed_passwords(self):
        pool = TestPool()
        pool.user(ADA)

        def confirm(password):
            idp.confirm_forgot_password(
                ClientId=pool.client_id, Username=ADA, ConfirmationCode=code_sent_to(ADA), Password=password
            )

        idp.forgot_password(ClientId=pool.client_id, Username=ADA)
        confirm("Another-Horse-7!")
        tokens = self.assert_signed_in(self.sign_in(pool, "Another-Horse-7!"))
        idp.change_password(
            PreviousPassword="Another-Horse-7!", ProposedPassword=PASSWORD, AccessToken=tokens["AccessToken"]
        )
        self.assert_signed_in(self.sign_in(pool))
        idp.admin_reset_user_password(UserPoolId=pool.id, Username=ADA)
        with self.assertRaises(exceptions.PasswordResetRequiredException):
            self.sign_in(pool)
        confirm("A-third-Horse-5!")
        self.assert_signed_in(self.sign_in(pool, "A-third-Horse-5!"))

    def test_attributes(self):
        pool = TestPool()
        pool.user(ADA, given_name="Ada")
        token = self.assert_signed_in(self.sign_in(pool))["AccessToken"]
        changed = idp.update_user_attributes(
            AccessToken=token, UserAttributes=[{"Name": "email", "Value": "augusta@example.com"}]
        )
        self.assertEqual(changed["CodeDeliveryDetailsList"][0]["AttributeName"], "email")
        idp.get_user_attribute_verification_code(AccessToken=token, AttributeName="email")
        code = code_sent_to("augusta@example.com")
        idp.verify_user_attribute(AccessToken=token, AttributeName="email", Code=code)
        idp.delete_user_attributes(AccessToken=token, UserAttributeNames=["given_name"])
        now = attributes(token)
        self.assertEqual((now["email"], now["email_verified"]), ("augusta@example.com", "true"))
        self.assertNotIn("given_name", now)

    def test_an_authenticator_app(self):
        pool = TestPool()
        pool.mfa("OPTIONAL", totp=True)
        pool.user(ADA)
        token = self.assert_signed_in(self.sign_in(pool))["AccessToken"]
        secret = idp.associate_software_token(AccessToken=token)["SecretCode"]
        with self.assertRaises(exceptions.EnableSoftwareTokenMFAException):
            idp.verify_software_token(AccessToken=token, UserCode="000000")
        idp.verify_software_token(AccessToken=token, UserCode=totp(secret, -1))
        idp.set_user_mfa_preference(
            AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True}
        )
        asked = self.sign_in(pool)
        self.assertEqual(asked["ChallengeName"], "SOFTWARE_TOKEN_MFA")
        with self.assertRaises(exceptions.CodeMismatchException):
            self.respond(pool, asked, USERNAME=ADA, SOFTWARE_TOKEN_MFA_CODE="000000")
        self.assert_signed_in(self.respond(pool, asked, USERNAME=ADA, SOFTWARE_TOKEN_MFA_CODE=totp(secret)))

    def test_an_app_set_up_on_the_way_in(self):
        pool = TestPool()
        pool.mfa("ON", totp=True)
        pool.user(ADA)
        asked = self.sign_in(pool)
        self.assertEqual(asked["ChallengeName"], "MFA_SETUP")
        associated = idp.associate_software_token(Session=asked["Session"])
        verified = idp.verify_software_token(
            Session=associated["Session"], UserCode=totp(associated["SecretCode"], -1)
        )
        self.assertEqual(verified["Status"], "SUCCESS")
        self.assert_signed_in(self.respond(pool, {**asked, "Session": verified["Session"]}, USERNAME=ADA))

    def test_codes_and_the_choice_between_them(self):
        pool = TestPool()
        pool.mfa("OPTIONAL", sms=True, email=True)
        pool.user(ADA, phone_number=PHONE, phone_number_verified="true")

        def prefer(sms, email):
            idp.admin_set_user_mfa_preference(
                UserPoolId=pool.id,
                Username=ADA,
                SMSMfaSettings={"Enabled": True, "PreferredMfa": sms},
                EmailMfaSettings={"Enabled": True, "PreferredMfa": email},
            )

        ways = [("SMS_MFA", PHONE, (True, False)), ("EMAIL_OTP", ADA, (False, True))]
        for challenge, address, preferred in ways:
            prefer(*preferred)
            asked = self.sign_in(pool)
            self.assertEqual(asked["ChallengeName"], challenge)
            code = {f"{challenge}_CODE": code_sent_to(address)}
            self.assert_signed_in(self.respond(pool, asked, USERNAME=ADA, **code))
        prefer(False, False)
        for challenge, address, _ in ways:
            choice = self.sign_in(pool)
            self.assertEqual(choice["ChallengeName"], "SELECT_MFA_TYPE")
            asked = self.respond(pool, choice, USERNAME=ADA, ANSWER=challenge)
            self.assertEqual(asked["ChallengeName"], challenge)
            code = {f"{challenge}_CODE": code_sent_to(address)}
            self.assert_signed_in(self.respond(pool, asked, USERNAME=ADA, **code))

    def test_a_choice_of_the_first_factor(self):
        pool = TestPool(
            Policies={"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP", "SMS_OTP"]}}
        )
        pool.user(ADA, phone_number=PHONE, phone_number_verified="true")
        choice = self.start(pool, "USER_AUTH", USERNAME=ADA)
        self.assertEqual(choice["ChallengeName"], "SELECT_CHALLENGE")
        self.assertEqual(
            sorted(choice["AvailableChallenges"]), ["EMAIL_OTP", "PASSWORD", "PASSWORD_SRP", "SMS_OTP"]
        )
        self.assert_signed_in(self.respond(pool, choice, USERNAME=ADA, ANSWER="PASSWORD", PASSWORD=PASSWORD))
        for challenge, address in [("EMAIL_OTP", ADA), ("SMS_OTP", PHONE)]:
            choice = self.start(pool, "USER_AUTH", USERNAME=ADA)
            asked = self.respond(pool, choice, USERNAME=ADA, ANSWER=challenge)
            self.assertEqual(asked["ChallengeName"], challenge)
            code = {f"{challenge}_CODE": code_sent_to(address)}
            self.assert_signed_in(self.respond(pool, asked, USERNAME=ADA, **code))
            asked = self.start(pool, "USER_AUTH", USERNAME=ADA, PREFERRED_CHALLENGE=challenge)
            self.assertEqual(asked["ChallengeName"], challenge)


if __name__ == "__main__":
    unittest.main()
