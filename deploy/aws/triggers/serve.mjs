// Serves the functions by Lambda's Invoke API, on this machine only.
//
//   node serve.mjs [port]           by default 3001, as SAM has it; 0 takes a free one
//
//   [pool.triggers]
//   define_auth_challenge = "http://127.0.0.1:3001/2015-03-31/functions/captcha-define/invocations"
//
// Answers as Lambda does: 200 and `X-Amz-Function-Error` when a function threw, 404 when there is none of the name. Events
// may hold passwords and functions send messages, so that nothing but loopback is served, and no page of a browser
// those send another Host or an Origin.

import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { load } from './functions.mjs';

const PATH = /^\/2015-03-31\/functions\/([^/?]+)\/invocations$/;

/** The Invoke API before the handlers that `load` finds by name; not listening yet. */
export function invokeApi(load) {
  return createServer(async (request, response) => {
    const { status, headers, body } = await answer(load, request);
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const server = invokeApi(load);
  server.listen(Number(process.argv[2] ?? 3001), '127.0.0.1', () => {
    console.log(`listening on http://127.0.0.1:${server.address().port}`);
  });
}

async function answer(load, request) {
  if (!/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? '') || request.headers.origin !== undefined) {
    return failure(403, 'AccessDeniedException', 'Only programs on this machine are served.');
  }
  const name = PATH.exec(request.url)?.[1].replaceAll(/%2f/gi, '/');
  const handler = request.method === 'POST' ? await load(name) : undefined;
  if (handler === undefined) {
    return failure(404, 'ResourceNotFoundException', `Function not found: ${request.method} ${request.url}`);
  }
  let event;
  try {
    event = JSON.parse(await text(request));
  } catch {
    return failure(400, 'InvalidRequestContentException', 'The request content is not JSON.');
  }
  try {
    return { status: 200, headers: { 'x-amz-executed-version': '$LATEST' }, body: (await handler(event)) ?? null };
  } catch ({ name: errorType, message: errorMessage, stack }) {
    return {
      status: 200,
      headers: { 'x-amz-executed-version': '$LATEST', 'x-amz-function-error': 'Unhandled' },
      body: { errorType, errorMessage, trace: String(stack).split('\n') },
    };
  }
}

function failure(status, type, message) {
  return { status, headers: { 'x-amzn-errortype': type }, body: { Type: 'User', Message: message } };
}
