import { systemClock } from "./clock.js";
import { type FromVault, holdLock, scopeOf, type ToVault, vaultLock } from "./messages.js";
import { bePresent } from "./presence.js";
import { createVault } from "./vault.js";

/**
 * The vault's entry. As a SharedWorker it serves every page of this browser and Jupyter server; where there is no
 * SharedWorker, a page imports this file, and calls `connect` with one half of a MessageChannel.
 */
const files = new URL(".", import.meta.url).href;
const vault = createVault(
  {
    fetch: globalThis.fetch.bind(globalThis),
    now: () => Date.now() / 1000,
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  },
  systemClock(),
  scopeOf(files),
);

// A page that waits for this lock gets it when, and only when, the vault is gone.
const held = holdLock(vaultLock(vault.id));

export function connect(port: MessagePort): void {
  port.onmessage = ({ data }: MessageEvent<ToVault>) =>
    void held.then(() => vault.receive(port as { postMessage(m: FromVault): void }, data));
}

if ("onconnect" in globalThis) {
  void held.then(() => bePresent(files));
  (globalThis as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = ({ ports: [port] }) =>
    connect(port);
}
