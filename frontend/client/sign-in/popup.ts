const SIZE = { width: 520, height: 680 };
/** How often a window is looked at, in ms. */
const LOOK_EVERY = 20;
/**
 * For how long the line to a provider's page must have held, in ms. A page that cuts it can be seen uncut while it
 * loads: for 50 ms on a busy machine.
 */
const WHOLE_AFTER = 100;
/** How soon the focus comes back to this page from a window that was closed, in ms. */
const FOCUS_WITHIN = 1000;
/** The first and the last pause before a window is closed once more, in ms; each is twice the one before. */
const CLOSE_AGAIN = 50;
const CLOSE_AGAIN_LAST = 1600;

/** Must be called inside a click: after an `await` the browser would block it. `null`: it was blocked. */
export function openSignInWindow(url: string): Window | null {
  const left = Math.round(screenX + (outerWidth - SIZE.width) / 2);
  const top = Math.round(screenY + (outerHeight - SIZE.height) / 3);
  return open(url, "_blank", `popup,width=${SIZE.width},height=${SIZE.height},left=${left},top=${top}`);
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
 * reads true while it is open. So `closed` counts only after the provider's page was seen through an uncut line (its
 * address is another origin's, reading it throws) for a while, and only if this page has the focus at once: a person
 * who has moved on to a provider page that cuts the line has it in the window, also if they come back here later.
 *
 * @returns a function that stops looking
 */
export function onWindowClosed(popup: Window, closed: () => void): () => void {
  let seen: number | undefined;
  let whole = false;
  let since: number | undefined;
  const timer = setInterval(() => {
    if (popup.closed) {
      since ??= performance.now();
      const cut = !whole || performance.now() - since > FOCUS_WITHIN;
      if (!cut && !document.hasFocus()) return;
      clearInterval(timer);
      if (!cut) closed();
    } else if (!whole && isForeign(popup)) {
      seen ??= performance.now();
      whole = performance.now() - seen >= WHOLE_AFTER;
    }
  }, LOOK_EVERY);
  return () => clearInterval(timer);
}

/** Shows another origin's page, and the line to it is not cut. */
function isForeign(popup: Window): boolean {
  try {
    void popup.location.href;
    return false;
  } catch {
    return true; // a SecurityError
  }
}
