/** What the provider remembers, in memory; like the library's own store, but it can be asked for all tokens of an account. */
export class Store {
  #settings;
  #entries = new Map();

  constructor(settings) {
    this.#settings = settings;
  }

  /** The library's adapter interface for one model. */
  adapter = (model) => {
    const entries = this.#entries;
    const key = (id) => `${model}:${id}`;
    const first = (member, value) =>
      [...entries.values()].find((entry) => entry.model === model && entry.payload[member] === value)?.payload;
    return {
      find: async (id) => (model === "Client" ? this.#settings.client(id) : entries.get(key(id))?.payload),
      findByUid: async (uid) => first("uid", uid),
      findByUserCode: async (userCode) => first("userCode", userCode),
      upsert: async (id, payload) => {
        entries.set(key(id), { model, payload });
      },
      consume: async (id) => {
        entries.get(key(id)).payload.consumed = Math.floor(Date.now() / 1000);
      },
      destroy: async (id) => {
        entries.delete(key(id));
      },
      revokeByGrantId: async (grantId) => {
        this.#drop((entry) => entry.model === model && entry.payload.grantId === grantId);
      },
    };
  };

  /** Forget everything of these models (`RefreshToken`, `AccessToken`, `Session`, `Grant`) that belongs to an account. */
  revoke(sub, models) {
    return this.#drop(({ model, payload }) => models.includes(model) && payload.accountId === sub);
  }

  #drop(matches) {
    const doomed = [...this.#entries].filter(([, entry]) => matches(entry));
    for (const [key] of doomed) this.#entries.delete(key);
    return doomed.length;
  }
}
