// Runs a function once, as a command: the event on stdin, the answer on stdout.
//
//   [pool.triggers]
//   define_auth_challenge = ["node", "deploy/aws/triggers/local.mjs", "captcha/define"]
//
// What the function throws is the last line on stderr, and the exit status is 1.

import { json } from 'node:stream/consumers';

import { load, NAMES } from './functions.mjs';

const handler = await load(process.argv[2]);
if (handler === undefined) {
  console.error(`usage: node local.mjs ${NAMES.join('|')} < event.json`);
  process.exit(64);
}
try {
  process.stdout.write(JSON.stringify(await handler(await json(process.stdin))));
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
