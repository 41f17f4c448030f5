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
  return above.some((origin) => !isSameSite(origin));
}

/**
 * What a site is, only the browser knows (its list of public suffixes): two names are of one if it takes a cookie for
 * what they end in. (Where it takes none from this frame at all, storage is not shared either.)
 */
function isSameSite(origin: string): boolean {
  if (!URL.canParse(origin)) return false;
  const [own, other] = [new URL(location.origin), new URL(origin)];
  if (own.protocol !== other.protocol) return false;
  if (own.hostname === other.hostname) return true;
  const isAddress = /^[\d.]+$|^\[/;
  if (isAddress.test(own.hostname) || isAddress.test(other.hostname)) return false;
  const labels = own.hostname.split(".").reverse();
  const others = other.hostname.split(".").reverse();
  const differs = labels.findIndex((label, index) => label !== others[index]);
  const shared = labels.slice(0, differs < 0 ? labels.length : differs).reverse();
  return shared.length > 0 && takesCookie(shared.join("."));
}

function takesCookie(domain: string): boolean {
  const cookie = `oidc-widget-site=${Math.random()}`;
  const set = (text: string) => {
    // biome-ignore lint/suspicious/noDocumentCookie: who clicks can't wait for the cookie store, and plain http has none
    document.cookie = text;
  };
  set(`${cookie}; domain=${domain}`);
  const taken = document.cookie.includes(cookie);
  set(`${cookie}; domain=${domain}; max-age=0`);
  return taken;
}
