// A real Chromium before a running gate, and what every test does with it.
//
// Every visit is watched: a violated Content-Security-Policy, an error in a script, a failed or foreign request fails its
// test.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { chromium } from "playwright-core";

let browser;
/** What `fresh` was asked for, by context. */
const wishes = new WeakMap();

export async function launch() {
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

export const quit = () => browser.close();

/**
 * Runs `visit(page, context)` in a browser that has never been at `url`, and closes it.
 *
 * `options` are Playwright's for a context (javaScriptEnabled, colorScheme, viewport …), and
 * `mayFail`: paths of what a page loads that may be refused; `otherHosts`: whose pictures may be loaded.
 */
export async function fresh(url, { mayFail = [], otherHosts = [], ...options }, visit) {
  const context = await browser.newContext({ baseURL: url, ...options });
  context.setDefaultTimeout(15_000);
  wishes.set(context, options);
  const complaints = watch(context, [new URL(url).host, ...otherHosts], mayFail);
  try {
    await visit(await context.newPage(), context);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

/** Whether the page's scripts run. */
export const hasScripts = (page) => wishes.get(page.context()).javaScriptEnabled !== false;

function watch(context, hosts, mayFail) {
  const complaints = [];
  context.on("console", (message) => {
    const text = message.text();
    // Statuses are judged below, where it is known what was asked for.
    if (text.startsWith("Failed to load resource")) return;
    if (message.type() === "error" || /Content Security Policy/i.test(text)) complaints.push(text);
  });
  context.on("weberror", (error) => complaints.push(error.error().stack));
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol !== "data:" && !hosts.includes(url.host)) complaints.push(`asked another host: ${url}`);
  });
  context.on("response", (response) => {
    const failed = response.status() >= 400 && !response.request().isNavigationRequest();
    if (failed && !mayFail.includes(new URL(response.url()).pathname)) {
      complaints.push(`${response.status()} for ${response.url()}`);
    }
  });
  return complaints;
}

/** Fills in the sign-in form that the page shows, and sends it. */
export async function signIn(page, { name, password }) {
  await page.getByLabel("User name").fill(name);
  if (password === undefined) return submit(page, "Continue");
  await page.getByLabel("Password", { exact: true }).fill(password);
  return submit(page, "Sign in");
}

/** Fills in the code and presses the button. */
export async function enterCode(page, code, button) {
  await page.getByLabel("Code", { exact: true }).fill(code);
  return submit(page, button);
}

/** Presses the button and waits for the page that answers; returns its response. */
export async function submit(page, name) {
  return follow(page, () => page.getByRole("button", { name, exact: true }).click());
}

/** Does something that sends a form, and waits for the page that answers; returns its response. */
export async function follow(page, act) {
  const [response] = await Promise.all([
    page.waitForResponse((response) => response.request().isNavigationRequest() && response.status() !== 303),
    page.waitForEvent("load"),
    act(),
  ]);
  return response;
}

/** The page is the upstream's, at `target` (path and query), and knows who is signed in. */
export async function assertReached(page, target) {
  await page.waitForURL((url) => !url.pathname.startsWith("/.sidegate/"));
  const { pathname, search } = new URL(page.url());
  assert.equal(pathname + search, target);
  await page.getByRole("heading", { level: 1, name: "Hello," }).waitFor();
}

/** The page says what went wrong: in its title, in an alert, and where the focus is. */
export async function assertError(page, pattern = /\S/) {
  assert.match(await page.title(), /^Error: /);
  const alert = page.locator("#error[role=alert]");
  assert.match(await alert.innerText(), pattern);
  const announced = await page.evaluate(() => {
    const alert = document.querySelector("#error");
    const focus = document.activeElement;
    const description = (focus.getAttribute("aria-describedby") ?? "").split(" ");
    return focus === alert || (description.includes(alert.id) && focus.getAttribute("aria-invalid") === "true");
  });
  assert.ok(announced, "the focus is neither on the alert nor on a field that it describes");
}

/** A code that is not `right`. */
export const wrongCode = (right) => (right === "000000" ? "000001" : "000000");

/** The code of an authenticator app (RFC 6238), `steps` of 30 s ahead. */
export function totp(secret, steps = 0) {
  const bits = [...secret].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0"));
  const key = Buffer.from(bits.join("").match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const tag = createHmac("sha1", key).update(counter).digest();
  const number = tag.readUInt32BE(tag[19] & 15) & 0x7fff_ffff;
  return String(number % 1_000_000).padStart(6, "0");
}
