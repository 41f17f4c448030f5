/** Firefox as people have it, driven over WebDriver BiDi. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import puppeteer from "puppeteer-core";

const PROVIDE = fileURLToPath(new URL("../firefox_esr.py", import.meta.url));

const PREFERENCES = {
  // Drivers let every popup through, puppeteer by a preference and Firefox's own remote agent by another; people's browsers let
  // through only those that a click opens.
  "remote.prefs.recommended": false,
  "dom.disable_open_during_load": true,
};

/** Start it without a profile of anybody's; these preferences are set on top. */
export function startFirefox(preferences = {}) {
  return puppeteer.launch({
    browser: "firefox",
    executablePath: execFileSync("python", [PROVIDE], { encoding: "utf8" }).trim(),
    headless: true,
    defaultViewport: { width: 1280, height: 800 },
    extraPrefsFirefox: { ...PREFERENCES, ...preferences },
  });
}
