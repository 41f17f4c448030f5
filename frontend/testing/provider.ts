import type { Environment } from "../oauth/environment.js";
import type { LoginRequest } from "../oauth/request.js";
import { encode, SigningKey } from "./signing-key.js";

/** One request that came in. */
export interface Call {
  url: string;
  method: string;
  headers: Headers;
  init: RequestInit;
  /** Of a form (RFC 6749 §4.1.3). */
  form: Record<string, string>;
}

type Body = Record<string, unknown>;

interface Issued {
  request: URLSearchParams;
  account: Account;
}

export interface Account {
  sub: string;
  name?: string;
}

export const ALICE: Account = { sub: "alice-1", name: "Alice Adams" };
export const BOB: Account = { sub: "bob-2", name: "Bob Brown" };

let shared: Promise<SigningKey> | undefined;

/**
 * A small, strict OpenID provider behind a function instead of a network: it checks PKCE, uses each code and each
 * refresh token once, and ends a sign-in whose refresh token comes twice (RFC 9700 §4.14.2).
 */
export class TestProvider {
  readonly calls: Call[] = [];
  readonly metadata: Record<string, unknown>;
  key!: SigningKey;
  jwks: { keys: object[] } = { keys: [] };
  /** Seconds that access tokens live. */
  lifetime = 300;
  /** Seconds that its clock is ahead. */
  ahead = 0;
  /** What the token endpoint answers before it has looked at the request. */
  overloaded?: () => Response | undefined;
  /** The last word on a token response's body, or on the whole response. */
  answer?: (body: Body, form: Record<string, string>) => Body | Response | Promise<Body | Response>;
  /** The last word on an ID token's claims, or on the whole token. */
  idToken?: (claims: Body, accessToken: string) => Body | string | Promise<Body | string>;
  /** No request gets through (no network, no CORS). */
  unreachable = () => false;
  /** Resources that are granted (RFC 8707). */
  readonly resources = new Set<string>();
  /** Refresh tokens that came a second time: a client that does this signs its people out. */
  readonly reused: string[] = [];
  readonly revoked: string[] = [];
  /** Refresh tokens that are good. */
  readonly refreshTokens = new Map<string, Issued>();
  readonly #codes = new Map<string, Issued>();
  readonly #used = new Set<string>();
  readonly #now: () => number;
  #count = 0;

  private constructor(issuer: string, now: () => number) {
    this.#now = now;
    const base = issuer.replace(/\/$/, "");
    this.metadata = {
      issuer,
      authorization_endpoint: `${base}/authorize`,
      token_endpoint: `${base}/token`,
      revocation_endpoint: `${base}/revoke`,
      end_session_endpoint: `${base}/logout`,
      jwks_uri: `${base}/keys`,
      response_types_supported: ["code"],
      code_challenge_methods_supported: ["S256"],
      authorization_response_iss_parameter_supported: true,
    };
  }

  static async make({
    issuer = "https://idp.example.com",
    now = () => Date.now() / 1000,
    key = undefined as SigningKey | undefined,
  } = {}): Promise<TestProvider> {
    const provider = new TestProvider(issuer, now);
    shared ??= SigningKey.make("ES256", "key-1");
    provider.useKey(key ?? (await shared));
    return provider;
  }

  get issuer(): string {
    return this.metadata.issuer as string;
  }

  get environment(): Environment {
    return {
      fetch: this.fetch,
      now: this.#now,
      randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
    };
  }

  useKey(key: SigningKey): void {
    this.key = key;
    this.jwks = { keys: [key.jwk] };
  }

  /** The requests that went to the token endpoint, as forms. */
  get tokenRequests(): Record<string, string>[] {
    return this.calls.filter(({ url }) => url === this.metadata.token_endpoint).map(({ form }) => form);
  }

  readonly fetch: typeof fetch = async (input, init = {}) => {
    const url = String(input);
    const form = Object.fromEntries(new URLSearchParams(String(init.body ?? "")));
    this.calls.push({ url, method: init.method ?? "GET", headers: new Headers(init.headers), init, form });
    if (this.unreachable()) throw new TypeError("Failed to fetch");
    const { metadata } = this;
    switch (url) {
      case `${this.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`:
        return Response.json(metadata);
      case metadata.jwks_uri:
        return Response.json(this.jwks);
      case metadata.token_endpoint:
        return this.#token(form);
      case metadata.revocation_endpoint:
        this.refreshTokens.delete(form.token);
        this.revoked.push(form.token);
        return new Response(null, { status: 200 });
      default:
        return new Response("not here", { status: 404 });
    }
  };

  /** Like providers that do not rotate: this refresh token may come again. */
  forgive(refreshToken: string): void {
    this.#used.delete(refreshToken);
  }

  /** What the person does in the window; gives the query that the callback page gets. */
  authorize(address: string, account: Account = ALICE): string {
    const request = new URL(address).searchParams;
    const code = `code-${this.#next()}`;
    this.#codes.set(code, { request, account });
    return `?${new URLSearchParams({ code, state: request.get("state") ?? "", iss: this.issuer })}`;
  }

  async #token(form: Record<string, string>): Promise<Response> {
    const busy = this.overloaded?.();
    if (busy) return busy;
    const issued = form.grant_type === "authorization_code" ? await this.#redeem(form) : this.#rotate(form);
    if (issued instanceof Response) return issued;
    const accessToken = `access-${this.#next()}`;
    const refreshToken = `refresh-${this.#next()}`;
    this.refreshTokens.set(refreshToken, issued);
    const iat = Math.floor(this.#now() + this.ahead);
    const body: Body = {
      access_token: accessToken,
      token_type: "Bearer",
      expires_in: this.lifetime,
      refresh_token: refreshToken,
    };
    const nonce = form.grant_type === "authorization_code" ? issued.request.get("nonce") : undefined;
    const claims: Body = {
      iss: this.issuer,
      aud: form.client_id,
      iat,
      exp: iat + 300,
      ...issued.account,
      ...(nonce ? { nonce } : {}),
    };
    const token = this.idToken ? await this.idToken(claims, accessToken) : claims;
    body.id_token = typeof token === "string" ? token : await this.key.sign(token);
    const answer = this.answer ? await this.answer(body, form) : body;
    return answer instanceof Response ? answer : Response.json(answer);
  }

  async #redeem(form: Record<string, string>): Promise<Issued | Response> {
    const issued = this.#codes.get(form.code);
    this.#codes.delete(form.code);
    if (!issued) return refusal("invalid_grant", "the code is unknown or was used");
    const digest = await crypto.subtle.digest("SHA-256", Buffer.from(form.code_verifier ?? ""));
    if (encode(new Uint8Array(digest)) !== issued.request.get("code_challenge")) {
      return refusal("invalid_grant", "PKCE verification failed");
    }
    if (form.redirect_uri !== issued.request.get("redirect_uri")) {
      return refusal("invalid_grant", "redirect_uri differs");
    }
    return issued;
  }

  #rotate(form: Record<string, string>): Issued | Response {
    if (this.#used.has(form.refresh_token)) {
      this.reused.push(form.refresh_token);
      this.refreshTokens.clear();
    }
    const issued = this.refreshTokens.get(form.refresh_token);
    if (!issued) return refusal("invalid_grant", "the refresh token is unknown, was used or was revoked");
    if (form.resource && !this.resources.has(form.resource)) return refusal("invalid_target", "unknown resource");
    this.refreshTokens.delete(form.refresh_token);
    this.#used.add(form.refresh_token);
    return issued;
  }

  #next(): number {
    this.#count += 1;
    return this.#count;
  }
}

/** RFC 6749 §5.2. */
export function refusal(error: string, error_description?: string): Response {
  return Response.json({ error, error_description }, { status: 400 });
}

export function loginRequest(changes: Partial<LoginRequest> = {}): LoginRequest {
  return {
    authority: "https://idp.example.com",
    client_id: "notebooks",
    scopes: ["openid", "profile"],
    extra_params: {},
    redirect_uri: "http://localhost:8888/oidc-widget/callback",
    ...changes,
  };
}
