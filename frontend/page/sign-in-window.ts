const SIZE = { width: 520, height: 680 };
/** How often a window is looked at, in ms. */
const LOOK_EVERY = 100;

/** Must be called inside a click: after an `await` the browser would block it. `null`: it was blocked. */
export function openSignInWindow(url: string): Window | null {
  const left = Math.round(screenX + (outerWidth - SIZE.width) / 2);
  const top = Math.round(screenY + (outerHeight - SIZE.height) / 3);
  return open(url, "_blank", `popup,width=${SIZE.width},height=${SIZE.height},left=${left},top=${top}`);
}

/**
 * Calls back when the person has closed the window, as far as that can be told.
 *
 * A provider that sends `Cross-Origin-Opener-Policy: same-origin` cuts the line to the window: from then on `closed`
 * reads true while it is open. So `closed` counts only after the provider's page was seen through an uncut line (its
 * address is another origin's, reading it throws), and only while this page has the focus: a person who has moved on
 * to a provider page that cuts the line has it in the window.
 *
 * @returns a function that stops looking
 */
export function onWindowClosed(popup: Window, closed: () => void): () => void {
  let seen = false;
  const timer = setInterval(() => {
    if (popup.closed) {
      if (!seen || !document.hasFocus()) return;
      clearInterval(timer);
      closed();
    } else if (!seen) {
      try {
        void popup.location.href;
      } catch {
        seen = true; // a SecurityError: another origin's page, and the line to it is whole
      }
    }
  }, LOOK_EVERY);
  return () => clearInterval(timer);
}
