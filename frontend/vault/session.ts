import type { IDToken } from "oauth4webapi";
import type { Provider } from "../protocol/discovery.js";
import type { Environment } from "../protocol/environment.js";
import { OIDCError, type Problem, problemOf } from "../protocol/errors.js";
import { type LoginRequest, type Target, targetKey } from "../protocol/request.js";
import type { Tokens } from "../protocol/token.js";
import type { Clock } from "./clock.js";
import type { SavedSession } from "./sealed-store.js";
import { tokenProtocol } from "./token-protocol.js";

/** An access token and when it ends, on the vault's own clock. */
export interface Access {
  readonly value: string;
  /** `undefined`: the provider does not say. */
  readonly lifetime?: number;
  readonly expires?: number;
  /** Counts the tokens of the vault, so that "the same token" can be told without comparing secrets. */
  readonly serial: number;
}

/** What one sign-in gave: a refresh token and the access tokens that come from it, by target. */
interface Grant {
  request: LoginRequest;
  refreshToken?: string;
  tokens: Map<string, Access>;
  /** Requests with one refresh token run one after the other: a rotated token must never be used twice. */
  queue: Promise<unknown>;
  inFlight: Map<string, Promise<Access>>;
  /** Targets that the provider does not grant from this sign-in any more: their tokens end when they end. */
  refused: Set<string>;
}

export interface SessionContext {
  /** What this request's provider is reached by: directly, or through the Jupyter server. */
  environmentOf(request: LoginRequest): Environment;
  /** Seconds since the epoch. */
  now(): number;
  clock: Clock;
  /** Something that views or kernels show has changed. */
  changed(session: Session): void;
  /** Whether anybody wants this token kept fresh. */
  wanted(session: Session, key: string): boolean;
}

/** Refresh when this part of the lifetime is over; a little earlier or later, so that not all come at once. */
const REFRESH_AT = 0.8;
const JITTER = 0.02;
const FIRST_RETRY = 1; // seconds
const LONGEST_RETRY = 60; // seconds

let serial = 0;

/** One account at one provider for one client: the only holder of its refresh and ID tokens. */
export class Session {
  readonly id: string;
  readonly provider: Provider;
  readonly account: string;
  readonly subject: string;
  claims?: IDToken;
  idToken?: string;
  /** When the person signed in, in seconds since the epoch. */
  since: number;
  /** Why there is no fresh token, while there is none or none will come. */
  problem?: Problem;
  /** The provider ended the sign-in; only a new one helps. */
  over = false;

  readonly #context: SessionContext;
  readonly #grants: Grant[] = [];
  /** Replaced by newer sign-ins: not used any more, but ended with the rest. */
  readonly #replaced: Grant[] = [];
  readonly #timers = new Map<string, number>();
  readonly #attempts = new Map<string, number>();

  constructor(id: string, provider: Provider, subject: string, account: string, context: SessionContext) {
    this.id = id;
    this.provider = provider;
    this.subject = subject;
    this.account = account;
    this.#context = context;
    this.since = context.now();
  }

  /** The request that the newest sign-in answered. */
  get request(): LoginRequest {
    return (this.#grants.at(-1) as Grant).request;
  }

  /** What a vault needs to go on with this session after a reload (sealed storage only). */
  get saved(): SavedSession {
    const { subject, account, claims, idToken, since } = this;
    const grants = this.#grants.flatMap(({ request, refreshToken }) =>
      refreshToken ? [{ request, refreshToken }] : [],
    );
    return { subject, account, claims, idToken, since, grants };
  }

  /** Takes in what a sign-in gave. A second sign-in for the same target takes the first one's place. */
  add(request: LoginRequest, tokens: Tokens): void {
    const key = targetKey(request);
    const same = this.#grants.findIndex((grant) => targetKey(grant.request) === key);
    if (same >= 0) this.#replaced.push(...this.#grants.splice(same, 1));
    const grant = newGrant(request, tokens.refresh_token);
    this.#grants.push(grant);
    this.over = false;
    this.problem = undefined;
    this.since = this.#context.now();
    this.#take(grant, key, tokens);
  }

  /** Goes on with a session from sealed storage: there is no access token yet, the first refresh gets one. */
  restore({ claims, idToken, since, grants }: SavedSession): void {
    Object.assign(this, { claims, idToken, since });
    for (const { request, refreshToken } of grants) {
      this.#grants.push(newGrant(request, refreshToken));
    }
    this.wake();
  }

  /** The token for this target, while it lives. */
  token(key: string): Access | undefined {
    if (this.over) return undefined;
    for (const grant of this.#grants) {
      const token = grant.tokens.get(key);
      if (token && this.secondsLeft(token) > 0) return token;
    }
    return undefined;
  }

  /** `Infinity` where the provider does not say. */
  secondsLeft(token: Access): number {
    return token.expires === undefined ? Number.POSITIVE_INFINITY : token.expires - this.#context.clock.elapsed();
  }

  knows(key: string): boolean {
    return this.#grants.some((grant) => targetKey(grant.request) === key || grant.tokens.has(key));
  }

  /**
   * A new token for this target from a refresh token of this session: that of the sign-in for the same target, else
   * any that grants it (RFC 8707 §2.2, RFC 6749 §6). Many callers at once cause one request.
   */
  async refresh(target: Target): Promise<Access> {
    const key = targetKey(target);
    const own = this.#grants.find((grant) => targetKey(grant.request) === key || grant.tokens.has(key));
    if (own) return this.#refreshIn(own, key, target);
    let refusal: unknown;
    for (const grant of this.#grants) {
      try {
        return await this.#refreshIn(grant, key, target);
      } catch (failure) {
        refusal = failure;
        if (problemOf(failure).code === "token_endpoint_unreachable") break;
      }
    }
    throw refusal ?? noRefreshToken();
  }

  /** Looks at every deadline again: after sleep, a clock jump, or when the network is back. */
  wake(): void {
    this.#attempts.clear();
    for (const grant of this.#grants) {
      for (const key of new Set([targetKey(grant.request), ...grant.tokens.keys()])) this.#schedule(grant, key);
    }
  }

  /** Forgets everything; then tells the provider (RFC 7009). */
  async end(): Promise<void> {
    this.over = true;
    this.#stop();
    // A refresh under way comes back with a new refresh token: wait for it, or nobody would revoke that one.
    const grants = [...this.#grants, ...this.#replaced];
    await Promise.allSettled(grants.map(({ queue }) => queue));
    const doomed = grants.flatMap(({ refreshToken, tokens }) => {
      const token = refreshToken ?? [...tokens.values()].at(-1)?.value;
      return token ? [token] : [];
    });
    for (const grant of grants) {
      grant.refreshToken = undefined;
      grant.tokens.clear();
    }
    const environment = this.#context.environmentOf(this.request);
    const clientId = this.request.client_id;
    const protocol = await tokenProtocol().catch(() => undefined); // the session is over either way
    await Promise.all(doomed.map((token) => protocol?.revokeToken(this.provider, clientId, token, environment)));
  }

  #refreshIn(grant: Grant, key: string, target: Target): Promise<Access> {
    const known = grant.inFlight.get(key);
    if (known) return known;
    const run = grant.queue.then(() => this.#request(grant, key, target));
    grant.queue = run.catch(() => undefined); // the next in the queue has nothing to do with this one's failure
    grant.inFlight.set(key, run);
    const done = () => grant.inFlight.delete(key);
    run.then(done, done);
    return run;
  }

  async #request(grant: Grant, key: string, target: Target): Promise<Access> {
    const { environmentOf } = this.#context;
    const { refreshToken, request } = grant;
    if (refreshToken === undefined || this.over) throw noRefreshToken();
    // The sign-in's own scopes are what a refresh gives anyway; some providers refuse to see them again.
    const own = targetKey(request) === key;
    const asked = own ? { ...target, scopes: [] } : target;
    try {
      const environment = environmentOf(request);
      const { refreshTokens } = await tokenProtocol();
      const tokens = await refreshTokens(this.provider, request.client_id, refreshToken, asked, environment);
      if (tokens.claims && tokens.claims.sub !== this.subject) {
        // OpenID Connect Core §12.2: the same person, or it is no refresh.
        throw new OIDCError({ code: "id_token_invalid", message: "The provider refreshed another person's sign-in." });
      }
      this.#take(grant, key, tokens);
      return grant.tokens.get(key) as Access;
    } catch (failure) {
      if (own || problemOf(failure).code === "token_endpoint_unreachable") this.#failed(grant, key, failure);
      else this.#refuse(grant, key);
      throw failure;
    }
  }

  #take(grant: Grant, key: string, tokens: Tokens): void {
    const { elapsed } = this.#context.clock;
    const lifetime = tokens.expires_in;
    serial += 1;
    grant.tokens.set(key, {
      value: tokens.access_token,
      lifetime,
      expires: lifetime === undefined ? undefined : elapsed() + lifetime,
      serial,
    });
    grant.refused.delete(key);
    if (tokens.refresh_token) grant.refreshToken = tokens.refresh_token;
    if (!this.#grants.includes(grant)) return; // replaced while this was on its way
    if (tokens.claims) this.claims = tokens.claims;
    if (tokens.id_token) this.idToken = tokens.id_token;
    this.#attempts.delete(key);
    this.problem = undefined;
    this.#schedule(grant, key);
    this.#context.changed(this);
  }

  #failed(grant: Grant, key: string, failure: unknown): void {
    if (!this.#grants.includes(grant)) return; // replaced: its end is no end of the session
    this.problem = problemOf(failure);
    if (this.problem.code === "token_endpoint_unreachable") {
      this.#attempts.set(key, (this.#attempts.get(key) ?? 0) + 1);
      this.#schedule(grant, key);
    } else if (!this.over) {
      grant.refreshToken = undefined;
      grant.tokens.clear();
      this.over = !this.#grants.some((other) => other.refreshToken !== undefined);
    }
    this.#context.changed(this);
  }

  /** Only this target's token is over, when it ends; the sign-in goes on. */
  #refuse(grant: Grant, key: string): void {
    if (!grant.tokens.has(key)) return;
    grant.refused.add(key);
    this.#schedule(grant, key);
  }

  /** One timer per token: for its refresh, for a further try, or for its end. */
  #schedule(grant: Grant, key: string): void {
    const { clock } = this.#context;
    clock.clearTimeout(this.#timers.get(key));
    if (this.over) return;
    const delay = this.#delay(grant, key);
    if (delay !== undefined)
      this.#timers.set(
        key,
        clock.setTimeout(() => this.#due(grant, key), delay),
      );
  }

  #delay(grant: Grant, key: string): number | undefined {
    const token = grant.tokens.get(key);
    const left = token ? this.secondsLeft(token) : 0;
    const attempts = this.#attempts.get(key) ?? 0;
    if (!this.#refreshable(grant, key)) return Number.isFinite(left) ? left : undefined;
    if (attempts > 0) {
      const pause = Math.min(FIRST_RETRY * 2 ** (attempts - 1), LONGEST_RETRY) * (0.75 + Math.random() / 2);
      return left > 0 ? Math.min(pause, left) : pause; // the end is told when it comes, not at the next try
    }
    if (!token) return 0;
    if (token.lifetime === undefined) return undefined;
    return left - token.lifetime * (1 - REFRESH_AT + JITTER * (2 * Math.random() - 1));
  }

  #due(grant: Grant, key: string): void {
    const token = grant.tokens.get(key);
    const left = token ? this.secondsLeft(token) : 0;
    if (left <= 0) this.#context.changed(this);
    if (!this.#refreshable(grant, key)) {
      if (left > 0) this.#schedule(grant, key);
      return;
    }
    this.#refreshIn(grant, key, targetOf(key)).catch(() => undefined); // kept in `problem`, and tried again
  }

  #refreshable(grant: Grant, key: string): boolean {
    if (!this.#grants.includes(grant) || grant.refused.has(key)) return false;
    return grant.refreshToken !== undefined && this.#context.wanted(this, key);
  }

  #stop(): void {
    for (const timer of this.#timers.values()) this.#context.clock.clearTimeout(timer);
    this.#timers.clear();
  }
}

function newGrant(request: LoginRequest, refreshToken?: string): Grant {
  return {
    request,
    refreshToken,
    tokens: new Map(),
    queue: Promise.resolve(),
    inFlight: new Map(),
    refused: new Set(),
  };
}

function targetOf(key: string): Target {
  const [scopes, resource, audience] = JSON.parse(key);
  return { scopes, resource, audience };
}

function noRefreshToken(): OIDCError {
  return new OIDCError({
    code: "invalid_grant",
    message: "The provider gave no refresh token, so the token can't be renewed without you.",
    hint: "Sign in again; some providers need the scope “offline_access” for this.",
  });
}

/** For messages: `undefined` where there is no end. */
export function finite(seconds: number): number | undefined {
  return Number.isFinite(seconds) ? seconds : undefined;
}
