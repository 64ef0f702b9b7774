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

if __name__ == "__main__":
    unittest.main()
