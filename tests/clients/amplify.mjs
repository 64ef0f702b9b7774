// Signs in to a local user pool with AWS Amplify, as a single-page app does.
//
// Arguments: endpoint, pool id, client id, user, password, new user, temporary password.
// Prints one line for each way that worked; any rejection ends it with a stack trace.

import assert from 'node:assert/strict';
import { Amplify } from 'aws-amplify';
import { confirmSignIn, fetchAuthSession, signIn, signOut } from 'aws-amplify/auth';

const [endpoint, userPoolId, userPoolClientId, user, password, newUser, temporary] = process.argv.slice(2);
Amplify.configure({
  Auth: { Cognito: { userPoolId, userPoolClientId, userPoolEndpoint: endpoint } },
});

async function session(way) {
  const { tokens } = await fetchAuthSession({ forceRefresh: true });
  assert.equal(tokens.idToken.payload.email, way.user);
  console.log(`ok ${way.name}, refreshed`);
}

let answer = await signIn({ username: user, password });
assert.equal(answer.nextStep.signInStep, 'DONE');
await session({ name: 'USER_SRP_AUTH', user });
await signOut();

answer = await signIn({ username: user, password, options: { authFlowType: 'USER_PASSWORD_AUTH' } });
assert.equal(answer.nextStep.signInStep, 'DONE');
await session({ name: 'USER_PASSWORD_AUTH', user });
await signOut({ global: true });

answer = await signIn({ username: newUser, password: temporary });
assert.equal(answer.nextStep.signInStep, 'CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED');
assert.deepEqual(answer.nextStep.missingAttributes, ['given_name']);
answer = await confirmSignIn({
  challengeResponse: 'Nine-lives-of-a-cat-9',
  options: { userAttributes: { given_name: 'Nova' } },
});
assert.equal(answer.nextStep.signInStep, 'DONE');
await session({ name: 'NEW_PASSWORD_REQUIRED', user: newUser });
await signOut();

await assert.rejects(signIn({ username: user, password: 'wrong-Pass-1!' }), { name: 'NotAuthorizedException' });
console.log('ok a wrong password');
