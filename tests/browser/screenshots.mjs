// Makes the pictures in docs/flows from `sidegate dev`. Run by hand when a page has changed:
//
//     SIDEGATE_BIN=../../target/debug/sidegate node screenshots.mjs

import { fileURLToPath } from "node:url";
import { fresh, launch, quit, signIn } from "./browser.mjs";
import { dev, stopAll } from "./gates.mjs";

const ADA = "ada@example.com";
const byName = (page) => signIn(page, { name: ADA });

/** Flow, its file, and the way from the sign-in page to the one that shows it. */
const PICTURES = [
  ["srp", "user-srp-auth", (page) => page.getByLabel("User name").fill(ADA)],
  ["password", "user-password-auth", (page) => page.getByLabel("User name").fill("grace@example.com")],
  ["custom", "custom-without-srp", byName],
  ["custom-srp", "custom-with-srp", (page, sample) => signIn(page, { name: ADA, password: sample.password(ADA) })],
  ["choice", "user-auth", byName],
];

await launch();
for (const [flow, file, arrive] of PICTURES) {
  const sample = await dev("--flow", flow);
  await fresh(sample.url, { viewport: { width: 560, height: 620 }, colorScheme: "light", reducedMotion: "reduce" }, async (page) => {
    await page.goto("/");
    await arrive(page, sample);
    const path = fileURLToPath(new URL(`../../docs/flows/${file}.png`, import.meta.url));
    await page.screenshot({ path, fullPage: true });
  });
}
await quit();
await stopAll();
