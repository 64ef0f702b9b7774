// A real Chromium before a running gate, and what every test does with it.
//
// The gate comes by environment variables (see README.md). Every visit is watched: a violated
// Content-Security-Policy, an error in a script, a failed or foreign request fails its test.

import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const need = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: these tests need a running gate, see README.md`);
  return value;
};

export const gate = new URL(need("SIDEGATE_URL"));
export const user = { name: need("SIDEGATE_USER"), password: need("SIDEGATE_PASSWORD") };
export const newUser = { name: need("SIDEGATE_NEW_USER"), password: need("SIDEGATE_NEW_PASSWORD") };

const screenshots = process.env.SIDEGATE_SCREENSHOTS;
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
let browser;

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
 * Runs `visit(page, context)` in a browser that has never been here, and closes it.
 *
 * `options` are Playwright's for a context (javaScriptEnabled, colorScheme, viewport …), and
 * `mayFail`: paths of what a page loads that may be refused.
 */
export async function fresh({ mayFail = [], ...options }, visit) {
  const context = await browser.newContext({ baseURL: gate.href, ...options });
  const complaints = watch(context, new URL(options.baseURL ?? gate).host, mayFail);
  try {
    await visit(await context.newPage(), context);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

function watch(context, host, mayFail) {
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
    if (url.host !== host) complaints.push(`asked another host: ${url}`);
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
export async function signIn(page, { name, password } = user) {
  await page.getByLabel("User name").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
  return submit(page, "Sign in");
}

/** Presses the button and waits for the page that answers; returns its response. */
export async function submit(page, name) {
  const [response] = await Promise.all([
    page.waitForResponse((response) => response.request().isNavigationRequest() && response.status() !== 303),
    page.getByRole("button", { name, exact: true }).click(),
  ]);
  await page.waitForLoadState();
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
export async function assertError(page) {
  assert.match(await page.title(), /^Error: /);
  const alert = page.getByRole("alert");
  assert.notEqual((await alert.innerText()).trim(), "");
  const announced = await page.evaluate(() => {
    const alert = document.querySelector("[role=alert]");
    const focus = document.activeElement;
    const description = (focus.getAttribute("aria-describedby") ?? "").split(" ");
    return focus === alert || (description.includes(alert.id) && focus.getAttribute("aria-invalid") === "true");
  });
  assert.ok(announced, "the focus is neither on the alert nor on a field that it describes");
}

/** axe-core finds nothing: WCAG 2.2 A and AA, and its best practices. */
export async function assertAccessible(page, name) {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const result = await globalThis.axe.run(document, { runOnly: tags });
    return result.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
  });
  assert.deepEqual(violations, [], name);
}

/** Nothing sticks out to the side (WCAG 1.4.10). */
export async function assertFits(page, name) {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= window, `${name} is ${content} px wide in a window of ${window} px`);
}

/** Keeps a picture of the page, when a folder for them is given. */
export async function picture(page, name) {
  if (!screenshots) return;
  await mkdir(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
}
