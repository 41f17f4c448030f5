import type { Target } from "./login-state.js";

const SIZE = { width: 520, height: 680 };
/** How often a window is looked at, in ms. */
const LOOK_EVERY = 20;
/**
 * For how long the line to a provider's page must have held, in ms. A page that cuts it can be seen uncut while it
 * loads: for 50 ms on a busy machine, and for more than 100 on a busier one.
 */
const WHOLE_AFTER = 500;
/** How soon the focus comes back to this page from a window that was closed, in ms. */
const FOCUS_WITHIN = 1000;
/** The first and the last pause before a window is closed once more, in ms; each is twice the one before. */
const CLOSE_AGAIN = 50;
const CLOSE_AGAIN_LAST = 1600;

/**
 * Must be called inside a click: after an `await` the browser would block it. `null`: it was blocked.
 *
 * Messages may arrive before it returns: Firefox turns its event loop while a window opens, for a second on a busy
 * machine. What was read before may be old afterwards.
 *
 * @param target where to; without one the window stays empty, and this page's, until {@link sendWindow}
 */
export function openSignInWindow(target?: Target): Window | null {
  const left = Math.round(screenX + (outerWidth - SIZE.width) / 2);
  const top = Math.round(screenY + (outerHeight - SIZE.height) / 3);
  const features = `popup,width=${SIZE.width},height=${SIZE.height},left=${left},top=${top}`;
  const popup = open(target?.url ?? "about:blank", "_blank", features);
  if (popup && target) cutLine(popup, target);
  return popup;
}

/** Sends a window that is still empty to the provider. */
export function sendWindow(popup: Window, target: Target): void {
  popup.location.replace(target.url);
  cutLine(popup, target);
}

/**
 * A page that has an opener can move it (`opener.location = …`), so a provider that nobody vouches for gets none. In the
 * same task that sends the window there: no script of the provider's runs before. From now on nothing here can close it.
 */
function cutLine(popup: Window, { configured }: Target): void {
  if (!configured) popup.opener = null;
}

/**
 * Closes the window, also one that is just on its way to the provider: Chromium loses a `close()` while the window moves
 * to the process of another site, and `closed` reads true all the same until the move is done. So it is said again a few
 * times, whatever `closed` reads; to a window that is gone it means nothing.
 */
export function closeSignInWindow(popup: Window, again = CLOSE_AGAIN): void {
  popup.close();
  if (again <= CLOSE_AGAIN_LAST) setTimeout(() => closeSignInWindow(popup, again * 2), again);
}

/**
 * Calls back when the person has closed the window, as far as that can be told.
 *
 * A provider that sends `Cross-Origin-Opener-Policy: same-origin` cuts the line to the window: from then on `closed`
 * reads true while it is open. So `closed` counts only if the focus came back to this page at once: a person who has
 * moved on to a provider page that cuts the line has it in the window, also if they come back here later. Where the
 * provider's page was seen through an uncut line for a while (its address is another origin's, reading it throws), or our
 * callback page after it, this page having the focus is enough; where nothing was seen yet, it must have come back just
 * then; or the provider must have shown nothing yet that could cut the line.
 *
 * @param silent asks whether the provider gives no answer at all
 * @returns a function that stops looking
 */
export function onWindowClosed(popup: Window, closed: () => void, silent: () => Promise<boolean>): () => void {
  const line = lineTo(popup);
  let since: number | undefined;
  let focused = Number.NEGATIVE_INFINITY;
  const onFocus = () => {
    focused = performance.now();
  };
  addEventListener("focus", onFocus);
  const stop = () => {
    clearInterval(timer);
    removeEventListener("focus", onFocus);
  };
  const end = () => {
    stop();
    closed();
  };
  const timer = setInterval(() => {
    const now = performance.now();
    if (!popup.closed) {
      line.look(now);
      return;
    }
    if (since === undefined) {
      since = now;
      if (!line.whole)
        silent().then(
          (none) => none && since !== undefined && end(),
          () => undefined,
        );
    }
    if (now - since > FOCUS_WITHIN) stop();
    else if (line.whole ? document.hasFocus() : now - focused < FOCUS_WITHIN) end();
  }, LOOK_EVERY);
  return () => {
    since = undefined;
    stop();
  };
}

/** Whether the line to a window has held for long enough, by what was seen when it was looked at. */
function lineTo(popup: Window) {
  let seen: number | undefined;
  const line = {
    whole: false,
    look(now: number): void {
      if (line.whole) return;
      const page = pageIn(popup);
      if (page === "provider") seen ??= now;
      line.whole = page === "ours" || (seen !== undefined && now - seen >= WHOLE_AFTER);
    },
  };
  return line;
}

/** What is in the window, as far as the line to it is not cut. */
function pageIn(popup: Window): "nothing" | "ours" | "provider" {
  try {
    return popup.location.href === "about:blank" ? "nothing" : "ours"; // the callback page, back from the provider
  } catch {
    return "provider"; // a SecurityError: another origin's
  }
}
