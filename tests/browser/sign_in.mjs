// Signing in and out with a password, and what holds for every page.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { assertError, assertReached, fresh as open, signIn as send, submit } from "./browser.mjs";
import { dev } from "./gates.mjs";
import { look, picture } from "./pages.mjs";

const SIGN_IN = "/.sidegate/sign-in";
const CHOSEN_PASSWORD = "Nine-lives-of-a-cat-9";

/** The gate; a user who can sign in; one with a temporary password, who lacks an attribute that the pool requires. */
let gate, user, newUser;
const fresh = (options, visit) => open(gate.url, options, visit);
const signIn = (page, who = user) => send(page, who);

describe("signing in with a password", () => {
  before(async () => {
    gate = await dev();
    user = { name: "ada@example.com", password: gate.password("ada@example.com") };
    newUser = { name: "new@example.com", password: gate.password("new@example.com") };
  });

  for (const javaScriptEnabled of [true, false]) {
    const scripts = javaScriptEnabled ? "on" : "off";

    test(`with scripts ${scripts}, a stranger signs in and reaches the deep link`, () =>
      fresh({ javaScriptEnabled }, async (page) => {
        await page.goto("/reports/7?year=2026&name=a%20b");
        assert.equal(new URL(page.url()).pathname, SIGN_IN);
        await signIn(page);
        await assertReached(page, "/reports/7?year=2026&name=a%20b");
        assert.ok((await page.locator("dl").innerText()).includes(user.name));
      }));

    test(`with scripts ${scripts}, a wrong password keeps the user name and says what is wrong`, () =>
      fresh({ javaScriptEnabled }, async (page) => {
        await page.goto("/reports/7");
        const response = await signIn(page, { ...user, password: `not ${user.password}` });
        assert.equal(response.status(), 401);
        await assertError(page);
        assert.equal(await page.getByLabel("User name").inputValue(), user.name);
        assert.equal(await page.getByLabel("Password", { exact: true }).inputValue(), "");
        await picture(page, `wrong-password-scripts-${scripts}`);
        await signIn(page);
        await assertReached(page, "/reports/7");
      }));

    test(`with scripts ${scripts}, signing out ends the session after asking`, () =>
      fresh({ javaScriptEnabled }, async (page) => {
        await page.goto("/");
        await signIn(page);
        await page.getByRole("link", { name: "Sign out" }).click();
        await page.getByRole("link", { name: "Stay signed in" }).click();
        await assertReached(page, "/");
        await page.getByRole("link", { name: "Sign out" }).click();
        await submit(page, "Sign out");
        await page.getByRole("heading", { name: "You are signed out" }).waitFor();
        await page.goto("/");
        assert.equal(new URL(page.url()).pathname, SIGN_IN);
      }));
  }

  test("the fragment of a deep link survives when scripts are on", () =>
    fresh({}, async (page) => {
      await page.goto("/reports/7?year=2026#chart");
      await signIn(page);
      await assertReached(page, "/reports/7?year=2026");
      assert.equal(new URL(page.url()).hash, "#chart");
    }));

  test("ten tabs opened signed out all finish at their own address", () =>
    fresh({}, async (first, context) => {
      const tabs = [first];
      while (tabs.length < 10) tabs.push(await context.newPage());
      await Promise.all(tabs.map((tab, number) => tab.goto(`/tab/${number}?number=${number}`)));
      for (const [number, tab] of tabs.entries()) {
        assert.equal(new URL(tab.url()).pathname, SIGN_IN);
        await signIn(tab);
        await assertReached(tab, `/tab/${number}?number=${number}`);
        // Its clock holds one of the six connections that a browser opens to a host.
        await tab.close();
      }
    }));

  test("a tab that waits at the sign-in page goes on when another tab has signed in", () =>
    fresh({}, async (waiting, context) => {
      await waiting.goto("/waiting?a=1");
      const other = await context.newPage();
      await other.goto("/other");
      await signIn(other);
      await waiting.reload();
      await assertReached(waiting, "/waiting?a=1");
    }));

  test("the keyboard alone is enough, and the focus is always seen", () =>
    fresh({}, async (page) => {
      await page.goto("/by-keyboard");
      const assertFocus = async (name) => {
        const focus = page.locator(":focus");
        assert.equal((await focus.getAttribute("id")) ?? (await focus.innerText()), name);
        assert.notEqual(await focus.evaluate((element) => getComputedStyle(element).outlineStyle), "none");
        await page.keyboard.press("Tab");
      };
      await assertFocus("username");
      await assertFocus("password");
      await assertFocus("Show");
      await assertFocus("Sign in");
      await page.getByLabel("User name").focus();
      await page.keyboard.type(user.name);
      await page.keyboard.press("Tab");
      await page.keyboard.type(user.password);
      await page.keyboard.press("Enter");
      await assertReached(page, "/by-keyboard");
    }));

  test("the script shows and hides the password, warns of Caps Lock and sends the form once", () =>
    fresh({}, async (page) => {
      await page.goto("/");
      const password = page.getByLabel("Password", { exact: true });
      await password.fill(user.password);
      await page.getByRole("button", { name: "Show: Password" }).click();
      assert.equal(await password.getAttribute("type"), "text");
      await page.getByRole("button", { name: "Hide: Password" }).click();
      assert.equal(await password.getAttribute("type"), "password");

      const capsLock = page.getByText("Caps Lock is on.");
      const press = (on) => password.evaluate((field, modifierCapsLock) => {
        field.dispatchEvent(new KeyboardEvent("keydown", { key: "a", modifierCapsLock, bubbles: true }));
      }, on);
      await press(true);
      assert.ok(await capsLock.isVisible());
      await press(false);
      assert.ok(!(await capsLock.isVisible()));

      await page.getByLabel("User name").fill(user.name);
      const sent = await page.getByRole("button", { name: "Sign in", exact: true }).evaluate((button) => {
        let sent = 0;
        button.form.addEventListener("submit", (event) => { sent += event.defaultPrevented ? 0 : 1; });
        button.click();
        button.click();
        return sent;
      });
      assert.equal(sent, 1);
      await assertReached(page, "/");
    }));

  test("password managers find what they look for, and pasting is allowed", () =>
    fresh({}, async (page) => {
      const tokens = () => page.locator("input:not([type=hidden])").evaluateAll((inputs) =>
        inputs.slice(0, 2).map(({ id, name, type, autocomplete }) => ({ id, name, type, autocomplete })));
      const assertFree = async () => {
        assert.equal(await page.locator("[onpaste], [maxlength], [autocomplete=off], [disabled]").count(), 0);
        const pasted = await page.locator("input[type=password]").evaluate((field) =>
          field.dispatchEvent(new ClipboardEvent("paste", { bubbles: true, cancelable: true })));
        assert.ok(pasted, "a script of the page cancels pasting");
      };
      await page.goto("/");
      assert.deepEqual(await tokens(), [
        { id: "username", name: "username", type: "text", autocomplete: "username" },
        { id: "password", name: "password", type: "password", autocomplete: "current-password" },
      ]);
      await assertFree();
      await signIn(page, newUser);
      assert.deepEqual(await tokens(), [
        { id: "username", name: "username", type: "text", autocomplete: "username" },
        { id: "new_password", name: "new_password", type: "password", autocomplete: "new-password" },
      ]);
      assert.match(await page.getByLabel("New password", { exact: true }).getAttribute("passwordrules"), /required: digit/);
      await assertFree();
    }));

  test("a browser that keeps no cookies is told so", () =>
    fresh({}, async (page, context) => {
      await page.goto("/");
      await context.clearCookies();
      const response = await signIn(page);
      assert.equal(response.status(), 403);
      assert.match(await page.locator("main").innerText(), /cookie/i);
      await picture(page, "no-cookies");
    }));

  test("the WebSocket echo and the server-sent clock pass the gate, and end with the session", () =>
    fresh({ mayFail: ["/clock"] }, async (page, context) => {
      await page.goto("/live");
      await signIn(page);
      await page.getByLabel("Message", { exact: true }).fill("Grüße, gate");
      await page.getByRole("button", { name: "Send" }).click();
      await page.getByRole("log").getByText("Grüße, gate").waitFor();
      const clock = page.locator("#clock");
      const first = await clock.innerText();
      await page.waitForFunction((first) => /^\d\d:/.test(document.getElementById("clock").textContent)
        && document.getElementById("clock").textContent !== first, first);

      const other = await context.newPage();
      await other.goto("/.sidegate/sign-out");
      await submit(other, "Sign out");
      await page.locator("#echo-state").getByText("your session has ended").waitFor();
      await page.locator("#clock-state").getByText("refused: sign in again").waitFor();
    }));

  test("every page of the gate forbids what it does not need, and says that the pool is for development", () =>
    fresh({}, async (page) => {
      for (const path of [SIGN_IN, "/.sidegate/signed-out", "/.sidegate/no-such-page"]) {
        const headers = (await page.goto(path)).headers();
        assert.match(headers["content-security-policy"], /default-src 'none'/, path);
        assert.doesNotMatch(headers["content-security-policy"], /unsafe|\*|data:/, path);
        assert.equal(headers["x-frame-options"], "DENY", path);
        assert.match(headers["cache-control"], /no-store/, path);
        assert.equal(headers["x-sidegate-dev"], "1", path);
        assert.match(await page.getByRole("banner").innerText(), /Development pool/, path);
      }
    }));

  test("a template of the operator takes the place of the built-in one", async () => {
    const branded = await dev("--templates", fileURLToPath(new URL("templates", import.meta.url)));
    await open(branded.url, {}, async (page) => {
      await page.goto("/.sidegate/signed-out");
      await page.getByRole("heading", { name: "See you soon at" }).waitFor();
      await page.getByRole("link", { name: "Come back" }).click();
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
    });
  });

  for (const javaScriptEnabled of [true, false]) {
    test(`every page of a sign-in is whole with scripts ${javaScriptEnabled ? "on" : "off"}`, () =>
      fresh({ javaScriptEnabled }, async (page) => {
        await page.goto("/.sidegate/no-such-page");
        await look(page, "message");
        await page.goto("/.sidegate/signed-out");
        await look(page, "signed_out");
        await page.goto("/tour");
        await look(page, "sign_in");
        await signIn(page, newUser);
        await look(page, "new_password");
        await page.getByLabel("New password", { exact: true }).fill("short");
        await fillAttributes(page);
        await submit(page, "Save and sign in");
        await assertError(page);
        await look(page, "new_password", "error");
        await page.goto("/tour");
        await signIn(page, { ...user, password: "wrong" });
        await look(page, "sign_in", "error");
        await signIn(page);
        await look(page, "sample");
        await page.goto("/.sidegate/sign-out");
        await look(page, "sign_out");
      }));
  }

  test("in forced colours fields and buttons keep their borders, and nothing moves when motion is reduced", () =>
    fresh({ forcedColors: "active", reducedMotion: "reduce" }, async (page) => {
      await page.goto("/");
      await picture(page, "sign-in-forced-colours");
      for (const part of await page.locator("input:not([type=hidden]), button").all()) {
        const [border, transition] = await part.evaluate((element) => {
          const style = getComputedStyle(element);
          return [`${style.borderTopStyle} ${style.borderTopColor !== style.backgroundColor}`, style.transitionDuration];
        });
        assert.equal(border, "solid true");
        assert.equal(transition, "0s");
      }
    }));

  // Last, since it can be done once: the temporary password is gone afterwards.
  test("a new user chooses a password, fills in what the pool asks for, and reaches the deep link", () =>
    fresh({ javaScriptEnabled: false }, async (page) => {
      await page.goto("/welcome?from=mail");
      await signIn(page, newUser);
      await page.getByRole("heading", { name: "Choose a new password" }).waitFor();
      const name = page.getByLabel("User name");
      assert.equal(await name.inputValue(), newUser.name);
      assert.ok(await name.evaluate((field) => field.readOnly && !field.disabled));

      assert.ok((await fillAttributes(page)) > 0, "the pool asks for no attribute: this test needs one");
      await page.getByLabel("New password", { exact: true }).fill("short");
      await submit(page, "Save and sign in");
      await assertError(page);
      assert.equal(await page.getByLabel("New password", { exact: true }).inputValue(), "");

      await fillAttributes(page);
      await page.getByLabel("New password", { exact: true }).fill(CHOSEN_PASSWORD);
      await submit(page, "Save and sign in");
      await assertReached(page, "/welcome?from=mail");
    }));
});

/** Fills in what the pool asks for beside the password; returns how many fields that were. */
async function fillAttributes(page) {
  const samples = { email: "new@example.com", tel: "+442079460000", date: "1990-04-01", url: "https://app.example/" };
  const fields = await page.locator("form input:not([type=hidden]):not(#username):not(#new_password)").all();
  for (const field of fields) await field.fill(samples[await field.getAttribute("type")] ?? "Sample");
  return fields.length;
}
