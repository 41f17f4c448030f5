import type { Problem } from "../oauth/errors.js";
import { problem } from "./problem.js";

/** Why no answer of a sign-in window could come back to this page; `undefined`: nothing is known to be in the way. */
export function storageProblem(): Problem | undefined {
  if (inForeignFrame()) {
    return problem(
      "storage_refused",
      ["Jupyter stands in a frame of another site here, where the answer of a sign-in window can't come back to it."],
      ["Open Jupyter in a tab of its own, and sign in there."],
    );
  }
  if (isRefused()) {
    return problem(
      "storage_refused",
      ["This browser refuses cookies and storage here, and with them what a sign-in needs."],
      ["Allow them for this site in the browser's settings, then reload the page."],
    );
  }
  return undefined;
}

function isRefused(): boolean {
  try {
    void sessionStorage;
    return !navigator.cookieEnabled;
  } catch {
    return true; // a SecurityError
  }
}

/** A frame of another site has storage, workers and channels of its own (Storage Partitioning). */
function inForeignFrame(): boolean {
  if (self === top) return false;
  const above = [...(location.ancestorOrigins ?? [])];
  if (above.length === 0 && document.referrer) above.push(new URL(document.referrer).origin);
  return above.some((origin) => siteOf(origin) !== siteOf(location.origin));
}

/**
 * Scheme and the last two labels of the name: what differs in these is another site for certain. Names that share them
 * may still be two sites (below `co.uk`); there nothing is said beforehand.
 */
function siteOf(origin: string): string {
  if (!URL.canParse(origin)) return origin;
  const { protocol, hostname } = new URL(origin);
  const isAddress = /^[\d.]+$|^\[/.test(hostname);
  return `${protocol}//${isAddress ? hostname : hostname.split(".").slice(-2).join(".")}`;
}
