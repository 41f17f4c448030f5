import { scopeOf } from "./messages.js";

/**
 * How a page that has no need of a vault learns that another page has one: it joins then, so that the vault outlives
 * the tab that has started it.
 */
const HERE = "here";
const ANYBODY = "anybody?";

/** The vault's side: says that it is there, now and to whoever asks. */
export function giveLifeSigns(filesUrl: string): void {
  const channel = new BroadcastChannel(scopeOf(filesUrl));
  channel.onmessage = ({ data }) => {
    if (data === ANYBODY) channel.postMessage(HERE);
  };
  channel.postMessage(HERE);
}

/** A page's side: `found` runs if there is a vault, and whenever there is a new one. */
export function onLifeSign(filesUrl: string, found: () => void): void {
  const channel = new BroadcastChannel(scopeOf(filesUrl));
  channel.onmessage = ({ data }) => {
    if (data === HERE) found();
  };
  channel.postMessage(ANYBODY);
}
