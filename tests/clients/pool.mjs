// User pools of a test's own, made over the API of the local pool whose address is in SIDEGATE_POOL.

import { createHmac } from 'node:crypto';
import { after } from 'node:test';

import { load } from '../../deploy/aws/triggers/functions.mjs';
import { invokeApi } from '../../deploy/aws/triggers/serve.mjs';

export const endpoint = process.env.SIDEGATE_POOL.replace(/\/$/, '');
export const PASSWORD = 'Correct-Horse-9!';

/** One operation, by its own name. Rejects with Cognito's exception. */
export async function call(operation, input) {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': `AWSCognitoIdentityProviderService.${operation}`,
    },
    body: JSON.stringify(input),
  });
  const text = await response.text();
  const answer = text === '' ? {} : JSON.parse(text);
  if (!response.ok) {
    throw Object.assign(new Error(`${operation}: ${answer.message}`), { name: answer.__type.split('#').at(-1) });
  }
  return answer;
}

export class TestPool {
  /** A pool where people sign in with their address; `settings` are CreateUserPool's, `client` CreateUserPoolClient's. */
  static async create(settings = {}, client = {}) {
    const { UserPool } = await call('CreateUserPool', {
      PoolName: 'test',
      UsernameAttributes: ['email'],
      UsernameConfiguration: { CaseSensitive: false },
      AutoVerifiedAttributes: ['email'],
      ...settings,
    });
    const { UserPoolClient } = await call('CreateUserPoolClient', {
      UserPoolId: UserPool.Id,
      ClientName: 'web',
      ExplicitAuthFlows: [
        'ALLOW_USER_SRP_AUTH',
        'ALLOW_USER_PASSWORD_AUTH',
        'ALLOW_CUSTOM_AUTH',
        'ALLOW_USER_AUTH',
        'ALLOW_REFRESH_TOKEN_AUTH',
      ],
      PreventUserExistenceErrors: 'ENABLED',
      ...client,
    });
    return Object.assign(new TestPool(), {
      id: UserPool.Id,
      clientId: UserPoolClient.ClientId,
      clientSecret: UserPoolClient.ClientSecret,
    });
  }

  /** A user with a password that stays. */
  async user(email, attributes = {}) {
    await this.invited(email, 'Temporary-Pass-1!', attributes);
    await this.admin('AdminSetUserPassword', { Username: email, Password: PASSWORD, Permanent: true });
    return email;
  }

  /** A user with a temporary password. */
  async invited(email, password, attributes = {}) {
    const all = { email, email_verified: 'true', ...attributes };
    await this.admin('AdminCreateUser', {
      Username: email,
      TemporaryPassword: password,
      MessageAction: 'SUPPRESS',
      UserAttributes: Object.entries(all).map(([Name, Value]) => ({ Name, Value })),
    });
    return email;
  }

  /** Second factors, as SetUserPoolMfaConfig takes them. */
  mfa(settings) {
    return this.admin('SetUserPoolMfaConfig', settings);
  }

  /** Codes by SMS; the local pool asks nobody for leave to send them. */
  sms() {
    const SmsConfiguration = { SnsCallerArn: 'arn:aws:iam::000000000000:role/sms', ExternalId: 'test' };
    return { SmsAuthenticationMessage: 'Your code is {####}.', SmsConfiguration };
  }

  /** An operation of the administration on this pool. */
  admin(operation, input = {}) {
    return call(operation, { UserPoolId: this.id, ...input });
  }
}

/** The code of the newest message to an address. */
export async function codeSentTo(address) {
  const response = await fetch(`${endpoint}/outbox.json?to=${encodeURIComponent(address)}`);
  const { messages } = await response.json();
  return messages[0].code;
}

/** The code of an authenticator app, `steps` of 30 s from now (RFC 6238). */
export function totp(secret, steps = 0) {
  const bits = [...secret].map((sign) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(sign).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const mac = createHmac('sha1', key).update(counter).digest();
  const number = mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

/** The sample triggers behind the Invoke API in this process; every event and its answer is kept in `calls`. */
export async function sampleTriggers() {
  const calls = [];
  const server = invokeApi(async (name) => {
    const handler = await load(name);
    return (
      handler &&
      (async (event) => {
        const sent = structuredClone(event);
        const answer = await handler(event);
        calls.push({ sent, response: structuredClone(answer.response) });
        return answer;
      })
    );
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  after(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = (name) => `http://127.0.0.1:${server.address().port}/2015-03-31/functions/${name}/invocations`;
  return {
    calls,
    /** LambdaConfig of the folder's three functions. */
    custom: (folder) => ({
      DefineAuthChallenge: url(`${folder}-define`),
      CreateAuthChallenge: url(`${folder}-create`),
      VerifyAuthChallengeResponse: url(`${folder}-verify`),
    }),
    migration: () => ({ UserMigration: url('migrate-user') }),
    /** What only VerifyAuthChallengeResponse may know of the newest challenge. */
    secret: () => calls.findLast(({ response }) => response?.privateChallengeParameters).response.privateChallengeParameters,
  };
}
