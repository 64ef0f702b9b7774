// What a person meets at the gate, in real Chromium. Run by `npm test`; see README.md.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, quit } from "./browser.mjs";
import { stopAll } from "./gates.mjs";
import { coverage } from "./pages.mjs";

before(launch);
after(async () => {
  await quit();
  await stopAll();
});

await import("./sign_in.mjs");
await import("./factors.mjs");
await import("./flows.mjs");
await import("./custom.mjs");
await import("./passkeys.mjs");
await import("./account.mjs");

test("every template was drawn in every mode", async (context) => {
  const { table, missing } = await coverage();
  table.split("\n").forEach((line) => context.diagnostic(line));
  assert.deepEqual(missing, []);
});
