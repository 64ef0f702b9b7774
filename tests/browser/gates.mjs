// Starts what the tests visit, on free ports: `sidegate dev`, or a pool, a gate with its own configuration and an application.
//
// SIDEGATE_BIN is the program. Everything started here ends with `stopAll`, which complains of what did not end well.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

const program = process.env.SIDEGATE_BIN;
if (!program) throw new Error("SIDEGATE_BIN is not set: these tests start sidegate, see README.md");

const folder = await mkdtemp(join(tmpdir(), "sidegate-browser-"));
const children = [];
const servers = [];
process.on("exit", () => children.forEach(({ child }) => child.kill()));

/** `sidegate dev` with these arguments: the gate's `url`, its pool's `code(to)` and `password(user)`. */
export async function dev(...more) {
  const free = ["--listen", "--pool-listen", "--sample-listen"].flatMap((flag) => [flag, "127.0.0.1:0"]);
  const lines = await start(["dev", ...free, ...more]);
  return { url: find(lines, /ready:\s+(\S+)\/$/), ...people(lines), ...outbox(lines) };
}

/** `sidegate pool` with the pool that `toml` describes. */
export async function pool(toml) {
  const file = await keep("pool.toml", toml);
  const lines = await start(["pool", "--listen", "127.0.0.1:0", "--pool-file", file]);
  return {
    endpoint: find(lines, /pool is ready:\s+(\S+)$/),
    id: find(lines, /^\s*pool\s+(\S+)/),
    issuer: find(lines, /^\s*issuer\s+(\S+)/),
    client: find(lines, /^\s*client\s+(\S+)/),
    ...people(lines),
    ...outbox(lines),
  };
}

/** `sidegate run` before a small application, for the users of `pool`. `settings` are further lines of its configuration. */
export async function gate(pool, { flow = "USER_SRP_AUTH", cognito = "", settings = "" }) {
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const file = await keep("sidegate.toml", `
public_origin = "${url}"
[upstream]
url = "${await application()}"
[server]
listen = "127.0.0.1:${port}"
[sign_in]
app_name = "Reports"
[cognito]
user_pool_id = "${pool.id}"
client_id = "${pool.client}"
flow = "${flow}"
endpoint = "${pool.endpoint}/"
issuer = "${pool.issuer}"
jwks_url = "${pool.endpoint}/${pool.id}/.well-known/jwks.json"
${cognito}
${settings}
`);
  await start(["run", "--config", file], () => answers(`${url}/.sidegate/healthz`));
  return { url, code: pool.code, password: pool.password };
}

export async function stopAll() {
  const wrong = [];
  for (const { child, name } of children.splice(0).reverse()) {
    if (child.exitCode === null) {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    }
    if (child.exitCode !== 0) wrong.push(`${name} ended with ${child.exitCode ?? child.signalCode}`);
  }
  for (const server of servers.splice(0)) server.close();
  await rm(folder, { recursive: true });
  assert.deepEqual(wrong, []);
}

/** Starts the program; what it says until it is ready. */
async function start(args, isReady) {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  children.push({ child, name: `sidegate ${args[0]}` });
  const said = [];
  const ready = new Promise((resolve, reject) => {
    createInterface(child.stdout).on("line", (line) => {
      said.push(line);
      if (line.trimStart().startsWith("Ctrl-C")) resolve();
    });
    child.once("exit", (code) => reject(new Error(`sidegate ${args[0]} ended with ${code}:\n${said.join("\n")}`)));
    isReady?.().then(resolve, reject);
  });
  await ready;
  return said;
}

/** Resolves once the address answers. */
async function answers(url) {
  for (let tries = 0; tries < 600; tries += 1) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`${url} does not answer`);
}

function find(lines, pattern) {
  const found = lines.map((line) => pattern.exec(line)).find(Boolean);
  if (!found) throw new Error(`no ${pattern} in\n${lines.join("\n")}`);
  return found[1];
}

function people(lines) {
  return { password: (user) => find(lines, new RegExp(`^\\s*${user.replaceAll(".", "\\.")}\\s+(\\S+)`)) };
}

function outbox(lines) {
  const url = new URL(find(lines, /(http:\S+)\/outbox\b/));
  return {
    outbox: new URL("/outbox", url).href,
    /** The code that was sent last to this address or telephone number. */
    async code(to) {
      const response = await fetch(new URL(`/outbox.json?to=${encodeURIComponent(to)}`, url));
      const { messages } = await response.json();
      assert.ok(messages.length > 0, `nothing was sent to ${to}`);
      return messages[0].code;
    },
  };
}

async function keep(name, text) {
  const path = join(await mkdtemp(join(folder, "start-")), name);
  await writeFile(path, text);
  return path;
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** An application that greets whoever is signed in. */
async function application() {
  const server = createHttpServer((request, response) => {
    const user = request.headers["x-sidegate-user"] ?? "nobody";
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end(`<!doctype html><html lang="en"><title>Reports</title><h1>Hello, ${user}</h1>
<p><a href="/.sidegate/sign-out">Sign out</a></p></html>`);
  }).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  return `http://127.0.0.1:${server.address().port}`;
}
