// amazon-cognito-identity-js with promises: each call resolves to the callback that came, and its values.

import identity from 'amazon-cognito-identity-js';

import { endpoint } from './pool.mjs';

export const { AuthenticationDetails, CognitoUserAttribute } = identity;

/** Keeps nothing from one test to the next. */
class Memory {
  #items = new Map();
  setItem(key, value) {
    this.#items.set(key, value);
  }
  getItem(key) {
    return this.#items.get(key) ?? null;
  }
  removeItem(key) {
    this.#items.delete(key);
  }
  clear() {
    this.#items.clear();
  }
}

/** A browser: a pool's client with a storage of its own. */
export class Browser {
  storage = new Memory();

  constructor({ id, clientId }) {
    this.pool = new identity.CognitoUserPool({ UserPoolId: id, ClientId: clientId, endpoint, Storage: this.storage });
  }

  user(name, flow = 'USER_SRP_AUTH') {
    const user = new identity.CognitoUser({ Username: name, Pool: this.pool, Storage: this.storage });
    user.setAuthenticationFlowType(flow);
    return user;
  }
}

const CALLBACKS = [
  'onSuccess',
  'newPasswordRequired',
  'customChallenge',
  'mfaRequired',
  'totpRequired',
  'selectMFAType',
  'mfaSetup',
  'associateSecretCode',
  'inputVerificationCode',
];

/** `run` with a set of callbacks: `{ came, values }`. Rejects on failure. */
export function answered(run) {
  return new Promise((resolve, reject) => {
    const callbacks = Object.fromEntries(CALLBACKS.map((came) => [came, (...values) => resolve({ came, values })]));
    run({ ...callbacks, onFailure: reject });
  });
}

/** `run` with a Node callback. */
export function done(run) {
  return new Promise((resolve, reject) => run((error, value) => (error ? reject(error) : resolve(value))));
}

export function signIn(user, Password) {
  const details = new AuthenticationDetails({ Username: user.getUsername(), Password });
  return answered((callbacks) => user.authenticateUser(details, callbacks));
}
