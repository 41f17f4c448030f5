import { systemClock } from "./clock.js";
import { giveLifeSigns } from "./life-signs.js";
import { type FromVault, holdLock, vaultLock } from "./messages.js";
import { createVault } from "./vault.js";

/**
 * The vault's entry. As a SharedWorker it serves every page of this browser and Jupyter server; where the browser has no
 * SharedWorker at all, a page imports this file, and calls `connect` with one half of a MessageChannel.
 */
const filesUrl = new URL(".", import.meta.url).href;
const place = { filesUrl, locked: false };
const vault = createVault(
  {
    fetch: globalThis.fetch.bind(globalThis),
    now: () => Date.now() / 1000,
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  },
  systemClock(),
  place,
);

// A page that waits for this lock gets it when, and only when, the vault is gone.
const held = holdLock(vaultLock(vault.id)).then((granted) => {
  place.locked = granted;
});

export function connect(port: MessagePort): void {
  port.onmessage = ({ data }: MessageEvent<unknown>) =>
    void held.then(() => vault.receive(port as { postMessage(m: FromVault): void }, data));
}

if ("onconnect" in globalThis) {
  void held.then(() => giveLifeSigns(filesUrl));
  (globalThis as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = ({ ports: [port] }) =>
    connect(port);
}
