import { sameAuthority } from "../protocol/request.js";
import { hasSubtleCrypto } from "../protocol/sha2.js";
import type { ProviderCache } from "./provider-cache.js";
import type { SavedSession, SealedStore } from "./sealed-store.js";
import type { Sessions } from "./sessions.js";

/** Keeps sessions across a reload of the only tab, if the person opted in; else it sees to it that nothing is kept. */
export class Keeper {
  readonly #scope: string;
  readonly #providers: ProviderCache;
  #hours = 0;
  #store?: SealedStore;
  /** Writing happens in the order of the changes. */
  #writing: Promise<unknown> = Promise.resolve();
  /** Kept, but not taken up: their provider can't be reached now. */
  #waiting: SavedSession[] = [];

  constructor(scope: string, providers: ProviderCache) {
    this.#scope = scope;
    this.#providers = providers;
  }

  /** Takes up what was kept and is not older than so many hours; 0 erases it. */
  async start(hours: number, sessions: Sessions): Promise<void> {
    this.#hours = hours;
    if (hours <= 0 || !hasSubtleCrypto()) {
      await this.#writing;
      await this.#store?.close();
      this.#store = undefined;
      globalThis.indexedDB?.deleteDatabase(this.#scope);
      return;
    }
    if (!this.#store) {
      // Loaded by those who opted in only.
      const { SealedStore } = await import("./sealed-store.js");
      this.#store = new SealedStore(this.#scope);
      for (const saved of await this.#store.load(hours)) await this.#takeUp(saved, sessions);
    }
    this.changed(sessions);
  }

  /** Something in the sessions has changed. */
  changed(sessions: Sessions): void {
    const store = this.#store;
    if (!store) return;
    this.#waiting = withoutReplaced(this.#waiting, sessions.saved);
    this.#writing = this.#writing
      .then(() => store.save([...this.#waiting, ...sessions.saved], this.#hours))
      .catch(() => undefined); // a full or locked disk: the session lives on, only a reload ends it
  }

  async #takeUp(saved: SavedSession, sessions: Sessions): Promise<void> {
    try {
      sessions.restore(saved, await this.#providers.get(saved.grants[0].request));
    } catch {
      this.#waiting.push(saved);
    }
  }
}

/** Who has signed in anew needs no older session; it would come back after the new one's sign-out. */
export function withoutReplaced(waiting: SavedSession[], current: SavedSession[]): SavedSession[] {
  return waiting.filter(
    (old) =>
      !current.some(
        ({ subject, grants: [{ request }] }) =>
          subject === old.subject &&
          request.client_id === old.grants[0].request.client_id &&
          sameAuthority(request.authority, old.grants[0].request.authority),
      ),
  );
}
