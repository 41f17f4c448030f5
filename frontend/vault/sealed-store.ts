import type { IDToken } from "oauth4webapi";
import type { LoginRequest } from "../oauth/request.js";

/** What a vault needs to go on after a reload of the only tab. */
export interface SavedSession {
  subject: string;
  account: string;
  claims?: IDToken;
  idToken?: string;
  /** When the person signed in, in seconds since the epoch. */
  since: number;
  grants: { request: LoginRequest; refreshToken: string }[];
}

interface SealedRecord {
  iv: Uint8Array<ArrayBuffer>;
  data: ArrayBuffer;
}

const STORE = "vault";
const KEY = "key";
const SESSIONS = "sessions";

/**
 * Sessions on disk, for a person who opted in: sealed with AES-GCM under a key that this browser does not give out
 * (non-extractable). It keeps them from whoever reads the disk, not from scripts on the same origin, which can ask
 * the browser to open them as we do.
 */
export class SealedStore {
  readonly #open: Promise<IDBDatabase>;

  /** @param name one store for each Jupyter server: servers of one origin (JupyterHub) are told apart by path */
  constructor(name: string) {
    this.#open = new Promise((resolve, reject) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
  }

  /** Writes those that are younger than `hours`, in place of what was there. */
  async save(all: SavedSession[], hours: number): Promise<void> {
    const sessions = all.filter((session) => isYoung(session, hours));
    if (sessions.length === 0) return this.erase();
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const plain = new TextEncoder().encode(JSON.stringify(sessions));
    const data = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await this.#key(), plain);
    await this.#do("readwrite", (store) => store.put({ iv, data } satisfies SealedRecord, SESSIONS));
  }

  /** Those that are younger than `hours`; what can't be opened any more is as good as none. */
  async load(hours: number): Promise<SavedSession[]> {
    const sealed = await this.#do<SealedRecord | undefined>("readonly", (store) => store.get(SESSIONS));
    if (!sealed) return [];
    try {
      const { iv, data } = sealed;
      const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv }, await this.#key(), data);
      const sessions: SavedSession[] = JSON.parse(new TextDecoder().decode(plain));
      return sessions.filter((session) => isYoung(session, hours));
    } catch {
      await this.erase();
      return [];
    }
  }

  /** The key goes too: what a disk may still hold of the old record can't be opened. */
  async erase(): Promise<void> {
    await this.#do("readwrite", (store) => store.clear());
  }

  async close(): Promise<void> {
    (await this.#open).close();
  }

  async #key(): Promise<CryptoKey> {
    const known = await this.#do<CryptoKey | undefined>("readonly", (store) => store.get(KEY));
    if (known) return known;
    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    await this.#do("readwrite", (store) => store.put(key, KEY));
    return key;
  }

  async #do<Result>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest): Promise<Result> {
    const database = await this.#open;
    return new Promise((resolve, reject) => {
      const request = act(database.transaction(STORE, mode).objectStore(STORE));
      request.onsuccess = () => resolve(request.result as Result);
      request.onerror = () => reject(request.error);
    });
  }
}

function isYoung({ since }: SavedSession, hours: number): boolean {
  return Date.now() / 1000 - since < hours * 3600;
}
