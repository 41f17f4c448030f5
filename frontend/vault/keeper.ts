import { sameAuthority } from "../oauth/request.js";
import { hasSubtleCrypto } from "../oauth/sha2.js";
import type { ProviderCache } from "./provider-cache.js";
import { type SavedSession, SealedStore } from "./sealed-store.js";
import type { Session } from "./sessions/session.js";
import type { Sessions } from "./sessions/sessions.js";

/** Keeps sessions across a reload of the only tab, for a person who opted in. Loaded by those only. */
export class Keeper {
  readonly #scope: string;
  readonly #providerOf: ProviderCache;
  readonly #sessions: Sessions;
  #hours = 0;
  #store?: SealedStore;
  /** Writing happens in the order of the changes. */
  #writing: Promise<unknown> = Promise.resolve();
  /** Kept, but not taken up: their provider can't be reached now. */
  #waiting: SavedSession[] = [];

  constructor(scope: string, providerOf: ProviderCache, sessions: Sessions) {
    this.#scope = scope;
    this.#providerOf = providerOf;
    this.#sessions = sessions;
  }

  /** Takes up what was kept and is not older than so many hours; with 0 it lets go of it, so that it can be erased. */
  async start(hours: number): Promise<void> {
    this.#hours = hours;
    if (hours <= 0 || !hasSubtleCrypto()) {
      await this.#writing;
      await this.#store?.close();
      this.#store = undefined;
      return;
    }
    if (!this.#store) {
      this.#store = new SealedStore(this.#scope);
      for (const saved of await this.#store.load(hours)) await this.#takeUp(saved);
    }
    this.changed();
  }

  /** Something in the sessions has changed. */
  changed(): void {
    const store = this.#store;
    if (!store) return;
    const current = this.#sessions.list.map(savedOf).filter(({ grants }) => grants.length > 0);
    this.#waiting = withoutReplaced(this.#waiting, current);
    const all = [...this.#waiting, ...current];
    this.#writing = this.#writing.then(() => store.save(all, this.#hours)).catch(() => undefined); // a full or locked disk: the session lives on, only a reload ends it
  }

  /** Goes on with a session, unless the person has signed in anew meanwhile. There is no access token yet. */
  async #takeUp(saved: SavedSession): Promise<void> {
    const { subject, account, grants, claims, idToken, since } = saved;
    const [{ request }] = grants;
    const sessions = this.#sessions;
    try {
      const provider = await this.#providerOf(request);
      if (sessions.find(provider, request, subject)) return;
      const session = sessions.make(provider, subject, account);
      Object.assign(session, { claims, idToken, since });
      for (const { request, refreshToken } of grants) session.adopt(request, refreshToken);
      sessions.list.unshift(session);
      session.wake();
    } catch {
      this.#waiting.push(saved);
    }
  }
}

/** What can be renewed after a reload. */
function savedOf({ subject, account, claims, idToken, since, grants }: Session): SavedSession {
  const kept = grants.flatMap(({ request, refreshToken }) => (refreshToken ? [{ request, refreshToken }] : []));
  return { subject, account, claims, idToken, since, grants: kept };
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
