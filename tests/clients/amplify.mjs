// AWS Amplify against the local pool, through every flow and challenge it supports, as a single-page app uses it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Amplify } from 'aws-amplify';
import * as auth from 'aws-amplify/auth';

import { PASSWORD, TestPool, codeSentTo, endpoint, sampleTriggers, totp } from './pool.mjs';

const ADA = 'ada@example.com';
const PHONE = '+15555550123';
const REFUSED = { name: 'NotAuthorizedException' };

const triggers = await sampleTriggers();

/** A new pool that Amplify is set up for; nobody is signed in. */
async function configured(settings, client) {
  const pool = await TestPool.create(settings, client);
  Amplify.configure({ Auth: { Cognito: { userPoolId: pool.id, userPoolClientId: pool.clientId, userPoolEndpoint: endpoint } } });
  return pool;
}

/** The step after a password. */
async function signIn(username, options = {}, password = PASSWORD) {
  const { nextStep } = await auth.signIn({ username, password, options });
  return nextStep;
}

async function answer(challengeResponse, options) {
  const { nextStep } = await auth.confirmSignIn({ challengeResponse, options });
  return nextStep;
}

/** Somebody is signed in, as the pool says, and stays so with new tokens. */
async function assertSignedIn(step, email = ADA) {
  assert.equal(step.signInStep, 'DONE');
  assert.equal((await auth.fetchUserAttributes()).email, email);
  const { tokens } = await auth.fetchAuthSession({ forceRefresh: true });
  assert.equal(tokens.idToken.payload.email, email);
}

test('SRP and password: tokens, refresh, sign-out here and everywhere', async () => {
  const pool = await configured();
  await pool.user(ADA);
  for (const authFlowType of ['USER_SRP_AUTH', 'USER_PASSWORD_AUTH']) {
    await assertSignedIn(await signIn(ADA, { authFlowType }));
    await auth.signOut({ global: authFlowType === 'USER_PASSWORD_AUTH' });
    await assert.rejects(auth.fetchUserAttributes());
    await assert.rejects(signIn(ADA, { authFlowType }, 'wrong-Pass-1!'), REFUSED);
    await assert.rejects(signIn('nobody@example.com', { authFlowType }), REFUSED);
  }
});

test('a temporary password is replaced, with the attribute that was missing', async () => {
  const pool = await configured({ Schema: [{ Name: 'given_name', AttributeDataType: 'String', Required: true }] });
  await pool.invited(ADA, 'Temporary-Pass-1!');
  const step = await signIn(ADA, {}, 'Temporary-Pass-1!');
  assert.equal(step.signInStep, 'CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED');
  assert.deepEqual(step.missingAttributes, ['given_name']);
  await assertSignedIn(await answer(PASSWORD, { userAttributes: { given_name: 'Ada' } }));
  await auth.signOut();
});

test('a custom challenge, without the password and after it', async () => {
  const pool = await configured({ LambdaConfig: triggers.custom('captcha') });
  await pool.user(ADA);
  for (const authFlowType of ['CUSTOM_WITHOUT_SRP', 'CUSTOM_WITH_SRP']) {
    const { nextStep } = await auth.signIn({
      username: ADA,
      password: authFlowType === 'CUSTOM_WITH_SRP' ? PASSWORD : undefined,
      options: { authFlowType },
    });
    assert.equal(nextStep.signInStep, 'CONFIRM_SIGN_IN_WITH_CUSTOM_CHALLENGE', authFlowType);
    assert.match(nextStep.additionalInfo.captchaUrl, /^data:image\/png/);
    assert.equal((await answer('WRONG')).signInStep, 'CONFIRM_SIGN_IN_WITH_CUSTOM_CHALLENGE');
    await assertSignedIn(await answer(triggers.secret().answer));
    await auth.signOut();
  }
  await assert.rejects(signIn(ADA, { authFlowType: 'CUSTOM_WITH_SRP' }, 'wrong-Pass-1!'), REFUSED);
});

test('a forgotten password by code, one that was reset, and one changed by its owner', async () => {
  const pool = await configured();
  await pool.user(ADA);
  const { nextStep } = await auth.resetPassword({ username: ADA });
  assert.equal(nextStep.resetPasswordStep, 'CONFIRM_RESET_PASSWORD_WITH_CODE');
  const confirm = async (newPassword) =>
    auth.confirmResetPassword({ username: ADA, newPassword, confirmationCode: await codeSentTo(ADA) });
  await confirm('Another-Horse-7!');
  await assertSignedIn(await signIn(ADA, {}, 'Another-Horse-7!'));
  await auth.updatePassword({ oldPassword: 'Another-Horse-7!', newPassword: PASSWORD });
  await auth.signOut();
  await pool.admin('AdminResetUserPassword', { Username: ADA });
  assert.equal((await signIn(ADA)).signInStep, 'RESET_PASSWORD');
  await confirm('A-third-Horse-5!');
  await assertSignedIn(await signIn(ADA, {}, 'A-third-Horse-5!'));
  await auth.signOut();
});

test('attributes are changed, verified by code and removed', async () => {
  const pool = await configured({
    UserAttributeUpdateSettings: { AttributesRequireVerificationBeforeUpdate: ['email'] },
  });
  await pool.user(ADA, { given_name: 'Ada' });
  await signIn(ADA);
  const { nextStep } = await auth.updateUserAttribute({
    userAttribute: { attributeKey: 'email', value: 'augusta@example.com' },
  });
  assert.equal(nextStep.updateAttributeStep, 'CONFIRM_ATTRIBUTE_WITH_CODE');
  assert.equal((await auth.fetchUserAttributes()).email, ADA, 'the old address stays until the new one is verified');
  const confirmationCode = await codeSentTo('augusta@example.com');
  await auth.confirmUserAttribute({ userAttributeKey: 'email', confirmationCode });
  await auth.deleteUserAttributes({ userAttributeKeys: ['given_name'] });
  const now = await auth.fetchUserAttributes();
  assert.deepEqual([now.email, now.email_verified, now.given_name], ['augusta@example.com', 'true', undefined]);
  await auth.signOut();
});
