/**
 * What can be set, with its default. All times in seconds.
 *
 * The names are the ones that Python passes (`providers/oidc_provider.py`), hence snake_case.
 */
const DEFAULTS = {
  /**
   * Client metadata (OIDC Dynamic Client Registration §2) by client_id. `redirect_uris` and `post_logout_redirect_uris` may be
   * left out: then those below count.
   */
  clients: {
    notebooks: {
      client_name: "Notebooks",
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
    },
    // May not be used from a browser: the library sends no CORS headers to clients that have a secret.
    confidential: {
      client_name: "Jupyter server",
      client_secret: "test-secret-of-the-confidential-client",
      token_endpoint_auth_method: "client_secret_basic",
      grant_types: ["authorization_code", "refresh_token"],
    },
    // The protected API: introspects every client's tokens.
    api: {
      client_secret: "test-secret-of-the-api",
      token_endpoint_auth_method: "client_secret_basic",
      grant_types: [],
      response_types: [],
      redirect_uris: [],
    },
  },
  redirect_uris: ["http://localhost:8888/oidc-widget/callback"],
  post_logout_redirect_uris: [],

  /** Origins that may call it from a browser: of the "registered" redirect URIs, "any", or "none" (no CORS header at all). */
  cors: "registered",
  /** `Cross-Origin-Opener-Policy` on the sign-in pages: false, true (same-origin), or a value of its own. */
  coop: false,
  /** First a page without COOP that offers an organisation, then that one's sign-in page (with it, if `coop`). */
  federated: false,
  /** "ask", or "skip": everything is granted unasked. */
  consent: "ask",

  access_token_ttl: 3600,
  id_token_ttl: 3600,
  refresh_token_ttl: 14 * 24 * 3600,
  device_code_ttl: 600,
  /** Each refresh token is good for one use; its second use revokes them all. */
  rotation: true,
  /** Refresh tokens only for `scope=offline_access` with `prompt=consent` (OIDC Core §11), bound to the session without. */
  strict_offline_access: false,
  /** Claims of `profile` and `email` in the ID token too, as most providers do, not only at the userinfo endpoint. */
  claims_in_id_token: true,
  /** RFC 8707: access tokens for these are JWTs. */
  resources: {
    "https://api.example.com/": { scope: "read write", audience: "https://api.example.com/" },
    "https://data.example.com/": { scope: "read", audience: "https://data.example.com/" },
  },
  /** The resource of a request that names none: set it, and every access token is a JWT. */
  default_resource: null,
  /** How many seconds this provider's clock is ahead (or, negative, behind). */
  clock_offset: 0,

  /** For how long browsers may keep the keys (`Cache-Control: max-age`, as Dex sends it); null: the header is not sent. */
  jwks_max_age: null,
  /** How often a new key came: the last one signs RS256 ID tokens, and is published from then on beside all others. */
  key_rotations: 0,

  accounts: {
    alice: {
      password: "alice-password",
      sub: "a-1001",
      name: "Alice Adams",
      email: "alice@example.com",
      groups: ["staff", "analysts"],
    },
    bob: { password: "bob-password", sub: "b-1002", name: "Bob Brown", email: "bob@example.com", groups: ["staff"] },
  },

  /**
   * Bad luck, by endpoint (`token`, `authorization`, `discovery`, `jwks`, `userinfo`, `revocation`, `introspection`,
   * `device_authorization`, `end_session`): `{kind, times, grant_type, …}`, see faults.mjs.
   */
  faults: {},
  /**
   * `{set: {…}, omit: […]}`: members of a response to replace or leave out, see patches.mjs; `authorization_response` with
   * `fragment: true` comes in the fragment.
   */
  discovery_response: {},
  authorization_response: {},
  device_authorization_response: {},
  token_response: {},
  /** `{claims: {…}, header: {…}, sign_with: "other" | "none", on: grant_type}`: the ID token, signed anew, see patches.mjs. */
  id_token: {},
};

const START = { host: "127.0.0.1", port: 0, path: "" };

export class Settings {
  constructor(given) {
    const { host, port, path, ...rest } = given;
    this.start = { ...START, ...withoutUndefined({ host, port, path }) };
    this.changed = new EventTarget();
    this.initial = rest;
    this.reset();
  }

  /** Back to what the process was started with. */
  reset() {
    Object.assign(this, structuredClone(DEFAULTS));
    this.patch(this.initial);
  }

  /** Replace whole settings; `null` brings a setting's default back. */
  patch(changes) {
    for (const [key, value] of Object.entries(changes)) {
      if (!(key in DEFAULTS))
        throw new TypeError(`no such setting: ${key}; there are: ${Object.keys(DEFAULTS).join(", ")}`);
      this[key] = structuredClone(value ?? DEFAULTS[key]);
    }
    this.changed.dispatchEvent(new Event("change"));
  }

  toJSON() {
    return Object.fromEntries(Object.keys(DEFAULTS).map((key) => [key, this[key]]));
  }

  /** Metadata of one client, as the library wants it, or undefined. */
  client(id) {
    if (!Object.hasOwn(this.clients, id)) return undefined;
    return {
      client_id: id,
      redirect_uris: this.redirect_uris,
      post_logout_redirect_uris: this.post_logout_redirect_uris,
      response_types: ["code"],
      ...this.clients[id],
    };
  }

  /** The account that a subject identifier belongs to, as `[login, account]`, or undefined. */
  accountOf(sub) {
    return Object.entries(this.accounts).find(([, account]) => account.sub === sub);
  }
}

function withoutUndefined(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
