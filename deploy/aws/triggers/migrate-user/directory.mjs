// The legacy directory: a file of people, each with attributes and a scrypt hash of their password.
//
// Stands for the real one, be it LDAP or a table: what migration needs of it is `find` and `authenticate`.

import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const derive = promisify(scrypt);

// OWASP's recommendation for scrypt. 128 · N · r bytes of memory: 64 MiB.
const COST = { N: 2 ** 16, r: 8, p: 2, maxmem: 160 * 2 ** 20 };
const KEY_LENGTH = 32;

export const DEFAULT_FILE = new URL('legacy-users.json', import.meta.url);

/** Reads the directory from `file`, or from the one beside this module. */
export async function directory(file = DEFAULT_FILE) {
  const people = new Map(Object.entries(JSON.parse(await readFile(file, 'utf8'))));
  const find = (name) => people.get(key(name));
  return {
    /** The person, if there is one. */
    find,
    /** The person, if the password is theirs. Takes as long when there is no such person. */
    async authenticate(name, password) {
      const person = find(name);
      const right = await matches(password, person?.password ?? (await nobody()));
      return right ? person : undefined;
    },
  };
}

/** Names are one whatever their case, as in most directories. */
export function key(name) {
  return name.trim().normalize('NFKC').toLowerCase();
}

/** `scrypt$N$r$p$salt$key`, salt and key in base64. */
export async function hash(password) {
  const salt = randomBytes(16);
  const derived = await derive(password.normalize('NFKC'), salt, KEY_LENGTH, COST);
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64'), derived.toString('base64')].join('$');
}

async function matches(password, stored) {
  const [scheme, N, r, p, salt, expected] = stored.split('$');
  if (scheme !== 'scrypt' || typeof password !== 'string' || password === '') {
    return false;
  }
  const wanted = Buffer.from(expected, 'base64');
  const options = { N: Number(N), r: Number(r), p: Number(p), maxmem: COST.maxmem };
  const derived = await derive(password.normalize('NFKC'), Buffer.from(salt, 'base64'), wanted.length, options);
  return timingSafeEqual(derived, wanted);
}

/** A hash that no password has, at the usual cost. */
async function nobody() {
  const random = () => randomBytes(KEY_LENGTH).toString('base64');
  return ['scrypt', COST.N, COST.r, COST.p, random(), random()].join('$');
}
