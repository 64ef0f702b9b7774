// aws-jwt-verify accepts the local pool's tokens, by its keys and with Cognito's own rules for claims.
//
// Its CognitoJwtVerifier asks hosts of AWS only, so that the general verifier is used, with the Cognito verifier's check.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { JwtVerifier } from 'aws-jwt-verify';
import { validateCognitoJwtFields } from 'aws-jwt-verify/cognito-verifier';
import { decomposeUnverifiedJwt } from 'aws-jwt-verify/jwt';

import { Browser, signIn } from './identity_js.mjs';
import { PASSWORD, TestPool, endpoint } from './pool.mjs';

test('aws-jwt-verify takes both tokens for what they are, and nothing else', async () => {
  const pool = await TestPool.create();
  const other = await TestPool.create();
  const ada = await pool.user('ada@example.com');
  await pool.admin('CreateGroup', { GroupName: 'admins' });
  await pool.admin('AdminAddUserToGroup', { Username: ada, GroupName: 'admins' });
  const { values } = await signIn(new Browser(pool).user(ada), PASSWORD);
  const idToken = values[0].getIdToken().getJwtToken();
  const accessToken = values[0].getAccessToken().getJwtToken();

  const issuer = decomposeUnverifiedJwt(idToken).payload.iss;
  assert.equal(issuer, `${endpoint}/${pool.id}`);
  const keys = async ({ id }) => (await fetch(`${endpoint}/${id}/.well-known/jwks.json`)).json();
  const verifier = async (rules, jwks = keys(pool)) => {
    const customJwtCheck = ({ payload }) => validateCognitoJwtFields(payload, rules);
    const made = JwtVerifier.create({ issuer, audience: null, jwksUri: 'https://localhost/unused', customJwtCheck });
    made.cacheJwks(await jwks);
    return made;
  };

  const { clientId } = pool;
  const idRules = { tokenUse: 'id', clientId, groups: ['admins'] };
  assert.equal((await (await verifier(idRules)).verify(idToken)).email, ada);
  const access = await (await verifier({ ...idRules, tokenUse: 'access' })).verify(accessToken);
  assert.equal(access.scope, 'aws.cognito.signin.user.admin');

  for (const [rules, token] of [
    [idRules, accessToken],
    [{ ...idRules, tokenUse: 'access' }, idToken],
    [{ ...idRules, clientId: other.clientId }, idToken],
    [{ ...idRules, groups: ['others'] }, idToken],
    [idRules, idToken.replace(/.{4}$/, 'AAAA')],
  ]) {
    await assert.rejects((await verifier(rules)).verify(token), JSON.stringify(rules));
  }
  await assert.rejects((await verifier(idRules, keys(other))).verify(idToken), 'keys of another pool');
});
