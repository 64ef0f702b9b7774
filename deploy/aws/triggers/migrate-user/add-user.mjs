// Adds a person to the legacy directory, or gives them a new password and new attributes.
//
//   node add-user.mjs lena@example.com given_name=Lena < password.txt
//
// The password is one line on stdin, so that it stands in no list of processes. LEGACY_USERS names the file.

import { readFile, writeFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

import { DEFAULT_FILE, hash, key } from './directory.mjs';

const {
  positionals: [name, ...pairs],
} = parseArgs({ allowPositionals: true });
const attributes = Object.fromEntries(pairs.map((pair) => pair.split(/=(.*)/s, 2)));
if (!name || pairs.some((pair) => !/^[\w:]+=/.test(pair))) {
  console.error('usage: node add-user.mjs NAME [ATTRIBUTE=VALUE]... < password.txt');
  process.exit(64);
}
if (name.includes('@')) {
  attributes.email ??= name;
}
if (!attributes.email) {
  console.error('an e-mail address is needed: add email=ADDRESS');
  process.exit(64);
}
const password = (await text(process.stdin)).replace(/\r?\n$/, '');
if (password === '' || password.includes('\n')) {
  console.error('the password is one line on stdin');
  process.exit(64);
}

const file = process.env.LEGACY_USERS ?? DEFAULT_FILE;
const people = await readFile(file, 'utf8').then(JSON.parse, (error) => {
  if (error.code !== 'ENOENT') {
    throw error;
  }
  return {};
});
people[key(name)] = { password: await hash(password), attributes };
await writeFile(file, `${JSON.stringify(people, null, 2)}\n`, { mode: 0o600 });
