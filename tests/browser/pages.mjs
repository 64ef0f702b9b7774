// Looks at a page in every mode, and remembers which template was seen how.

import assert from "node:assert/strict";
import { mkdir, readFile, readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { PNG } from "pngjs";
import { hasScripts } from "./browser.mjs";

const screenshots = process.env.SIDEGATE_SCREENSHOTS;
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Also 400 % zoom on a desk (WCAG 1.4.10). */
const PHONE = { width: 320, height: 640 };

const MODES = ["light", "dark", "phone", "keyboard", "no scripts"];

/** By which heading a template is known. */
const HEADINGS = {
  authenticator: /^Set up your authenticator app$/,
  choose: /^Choose (how to sign in|how to confirm it is you|a second step to set up)$/,
  code: /^Enter your code$/,
  confirm: /^Confirm your account$/,
  custom: /^One more step$/,
  email_setup: /^Set up codes by e-mail$/,
  forgot_password: /^Forgot your password\?$/,
  message: /\S/,
  new_passkey: /^Create a passkey$/,
  new_password: /^Choose a new password$/,
  outbox: /^Outbox/,
  passkey: /^Use your passkey$/,
  passkeys: /^(Your passkeys|Sign in faster next time\?)$/,
  password: /^Enter your password$/,
  reset_password: /^Choose a new password$/,
  sample: /^Hello, /,
  sign_in: /^Sign in$/,
  sign_out: /^Sign out\?$/,
  sign_up: /^Create an account$/,
  signed_out: /^You are signed out$/,
  verify: /^(Enter the code|Your addresses)$/,
};

/** Modes by template. */
const seen = new Map();
/** What was examined with axe-core already. */
const examined = new Set();

/**
 * Judges the page as it stands: it is the one of `template`, and whole in light and dark, on a phone and by keyboard; or,
 * without scripts, on a desk and a phone. `variant` tells its states apart. Leaves the page as it was.
 */
export async function look(page, template, variant = "") {
  const name = variant ? `${template}-${variant}` : template;
  assert.match(await page.getByRole("heading", { level: 1 }).innerText(), HEADINGS[template], name);
  const modes = seen.get(template) ?? seen.set(template, new Set()).get(template);
  if (!hasScripts(page)) {
    await assertFits(page, name);
    await assertNothingHidden(page, name);
    await picture(page, `${name}-no-scripts`);
    modes.add("no scripts");
    return;
  }
  for (const colorScheme of ["light", "dark"]) {
    // A colour on its way to another would be judged in between.
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await picture(page, `${name}-${colorScheme}`);
    await assertBrightness(page, colorScheme, name);
    if (!examined.has(name + colorScheme)) await assertAccessible(page, `${name}, ${colorScheme}`);
    examined.add(name + colorScheme);
    modes.add(colorScheme);
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  const size = page.viewportSize();
  await page.setViewportSize(PHONE);
  await picture(page, `${name}-phone`);
  await assertFits(page, name);
  modes.add("phone");
  await page.setViewportSize(size);
  await assertKeyboard(page, name);
  modes.add("keyboard");
}

/** Fails when a template was not drawn in some mode; returns the table of what was. */
export async function coverage() {
  const folder = new URL("../../templates/", import.meta.url);
  const files = (await readdir(folder)).filter((name) => name.endsWith(".html"));
  const texts = await Promise.all(files.map((name) => readFile(new URL(name, folder), "utf8")));
  // What another one extends or includes is not drawn by itself.
  const parts = new Set(texts.flatMap((text) => [...text.matchAll(/\{% (?:extends|include) "(.+?)" %\}/g)].map(([, name]) => name)));
  const pages = files.filter((name) => !parts.has(name)).map((name) => name.replace(/\.html$/, ""));
  const lines = [["page", ...MODES], ...pages.map((name) => [name, ...MODES.map((mode) => (seen.get(name)?.has(mode) ? "seen" : "-"))])];
  const table = lines.map(([name, ...cells]) => name.padEnd(18) + cells.map((cell) => cell.padEnd(12)).join("")).join("\n");
  const missing = pages.flatMap((name) => MODES.filter((mode) => !seen.get(name)?.has(mode)).map((mode) => `${name}: ${mode}`));
  return { table, missing };
}

/** axe-core finds nothing: WCAG 2.2 A and AA, and its best practices. */
async function assertAccessible(page, name) {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const result = await globalThis.axe.run(document, { runOnly: tags });
    return result.violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
  });
  assert.deepEqual(violations, [], name);
}

/** Nothing sticks out to the side. */
async function assertFits(page, name) {
  const [content, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(content <= window, `${name} is ${content} px wide in a window of ${window} px`);
}

/** Without scripts no button is left that does nothing: those that need one are not shown, and the page says why. */
async function assertNothingHidden(page, name) {
  const wrong = await page.evaluate(() => {
    const shown = (selector) => [...document.querySelectorAll(selector)].filter((part) => part.checkVisibility());
    const all = document.querySelectorAll("[data-without-script]").length;
    return shown("[data-needs-script]").length + all - shown("[data-without-script]").length;
  });
  assert.equal(wrong, 0, `${name} shows what needs scripts, or hides what says so`);
}

/** The corner of the window is as bright or dark as the person wants it. */
async function assertBrightness(page, colorScheme, name) {
  const clip = { x: 0, y: page.viewportSize().height - 1, width: 1, height: 1 };
  const [red, green, blue] = PNG.sync.read(await page.screenshot({ clip })).data;
  const brightness = (red + green + blue) / 3 / 255;
  assert.ok(colorScheme === "dark" ? brightness < 0.2 : brightness > 0.8, `${name}: brightness ${brightness}`);
}

/** The Tab key reaches everything that can be used, in the order of the page, and each time it is seen where it is. */
async function assertKeyboard(page, name) {
  const stops = await page.evaluate(() => {
    const groups = new Set();
    globalThis.stops = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary, textarea")]
      .filter((part) => part.checkVisibility() && !part.disabled)
      .filter((part) => {
        // The arrow keys move within a group.
        if (part.type !== "radio") return true;
        const chosen = part.form.querySelector(`[name="${part.name}"]:checked`);
        if (chosen) return part === chosen;
        const first = !groups.has(part.name);
        groups.add(part.name);
        return first;
      });
    globalThis.focusBefore = document.activeElement;
    const start = document.createElement("span");
    start.id = "start-of-page";
    start.tabIndex = -1;
    document.body.prepend(start);
    start.focus();
    return globalThis.stops.length;
  });
  for (let number = 0; number < stops; number += 1) {
    await page.keyboard.press("Tab");
    const wrong = await page.evaluate((number) => {
      const [wanted, focus] = [globalThis.stops[number], document.activeElement];
      if (focus !== wanted) return `the focus is on ${focus.outerHTML}, not on ${wanted.outerHTML}`;
      const { outlineStyle, outlineWidth } = getComputedStyle(focus);
      if (outlineStyle === "none" || outlineWidth === "0px") return `the focus is not seen on ${focus.outerHTML}`;
      return "";
    }, number);
    assert.equal(wrong, "", name);
  }
  await page.evaluate(() => {
    document.getElementById("start-of-page").remove();
    globalThis.focusBefore.focus();
  });
}

/** Keeps a picture of the page, when a folder for them is given. */
export async function picture(page, name) {
  if (!screenshots) return;
  await mkdir(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true });
}
