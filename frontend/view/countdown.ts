import type { Translate } from "../client/translate.js";

/**
 * Time left as people read it: minutes, and seconds only in the last two minutes.
 *
 * @returns the text, and after how many seconds it will read differently
 */
export function timeLeft(seconds: number, translate: Translate): { text: string; next: number } {
  const left = Math.max(0, Math.ceil(seconds));
  if (left >= 48 * 3600) {
    const hours = Math.floor(left / 3600);
    return { text: translate("%1 days left", Math.floor(hours / 24)), next: 3600 };
  }
  if (left >= 2 * 3600) {
    const minutes = Math.floor(left / 60);
    return { text: translate("%1 h %2 min left", Math.floor(minutes / 60), minutes % 60), next: (left % 60) + 1 };
  }
  if (left > 120) return { text: translate("%1 min left", Math.floor(left / 60)), next: (left % 60) + 1 };
  return { text: translate("%1 s left", left), next: 1 };
}
