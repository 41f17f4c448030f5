import type { IDToken } from "oauth4webapi";
import type { Environment } from "../../oauth/environment.js";
import type { Problem } from "../../oauth/errors.js";
import { Failure, isUnreachable } from "../../oauth/failure.js";
import type { Provider } from "../../oauth/provider.js";
import { type LoginRequest, type Target, targetKey } from "../../oauth/request.js";
import { refreshTokens, revokeToken, type Tokens } from "../../oauth/token-endpoint.js";
import type { Clock } from "../clock.js";
import { problemOf } from "../problem.js";

/** An access token and when it ends, on the vault's own clock. */
export interface Access {
  readonly value: string;
  /** `undefined`: the provider does not say. */
  readonly lifetime?: number;
  readonly expires: number;
  /** Counts the tokens of the vault, so that "the same token" can be told without comparing secrets. */
  readonly serial: number;
}

/** The place of one access token, which is renewed time and again. */
interface Slot {
  readonly key: string;
  /** What to ask for. */
  readonly target: Target;
  /** It is what the sign-in was for; others are for other APIs or other scopes. */
  readonly own?: boolean;
  token?: Access;
  /** The request for the next one; many callers share it. */
  running?: Promise<Access>;
  /** For the refresh, for a further try, or for the end. */
  timer?: number;
  /** Tries in a row that did not get through. */
  attempts: number;
  /** The provider does not grant it from this sign-in any more: it ends when it ends. */
  refused?: boolean;
}

/** What one sign-in gave: a refresh token, and the access tokens that come from it, by target. */
interface Grant {
  readonly request: LoginRequest;
  refreshToken?: string;
  readonly slots: Map<string, Slot>;
  /** Requests with one refresh token run one after the other: a rotated token must never be used twice. */
  queue: Promise<unknown>;
  /** A newer sign-in took its place: it is not used any more, but ended with the rest. */
  replaced?: boolean;
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

/** Refresh when this part of the lifetime is left; a little earlier or later, so that not all come at once. */
const REFRESH_AT = 0.2;
const JITTER = 0.02;
const LONGEST_RETRY = 60; // seconds
/** How long a token is used whose end the provider does not tell, in seconds. */
const FOREVER = 1e9;

/**
 * What a provider may leave out when it says what it granted: it is about claims and refresh tokens, or stands for
 * whatever was consented to.
 */
const GRANTED_ANYWAY = /^(openid|profile|email|offline_access)$|\/\.default$/i;

let serial = 0;

/** One account at one provider for one client: the only holder of its refresh and ID tokens. */
export interface Session {
  readonly id: string;
  readonly provider: Provider;
  readonly subject: string;
  readonly account: string;
  claims?: IDToken;
  idToken?: string;
  /** When the person signed in, in seconds since the epoch. */
  since: number;
  /** Why there is no fresh token, while there is none or none will come. */
  problem?: Problem;
  /** The provider ended the sign-in, or the person did; only a new one helps. */
  over: boolean;
  /** The sign-ins that can be used; the newest is the last. */
  readonly grants: Grant[];
  /** The request that the newest sign-in answered. */
  readonly request: LoginRequest;
  /** Takes in what a sign-in gave. A second sign-in for the same target takes the first one's place. */
  add(request: LoginRequest, tokens: Tokens): void;
  /** The same for a sign-in that has no access token yet. */
  adopt(request: LoginRequest, refreshToken?: string): Grant;
  /** The token for this target, while it lives. */
  token(key: string): Access | undefined;
  /** `undefined` where the provider does not say. */
  secondsLeft(token: Access): number | undefined;
  knows(key: string): boolean;
  /**
   * A new token for this target from a refresh token of this session: that of the sign-in for the same target, else
   * any that grants it (RFC 8707 §2.2, RFC 6749 §6). Many callers at once cause one request.
   *
   * @throws {Failure} why there is none
   */
  refresh(target: Target): Promise<Access>;
  /** Looks at every deadline again: after sleep, a clock jump, or when the network is back. */
  wake(): void;
  /** Forgets everything; then tells the provider (RFC 7009). */
  end(): Promise<void>;
}

export function createSession(
  id: string,
  provider: Provider,
  subject: string,
  account: string,
  { environmentOf, now, clock, changed, wanted }: SessionContext,
): Session {
  const all: Grant[] = [];

  const inUse = () => all.filter(({ replaced }) => !replaced);

  /** The sign-in that this target's token comes from. */
  const granting = (key: string) => inUse().find(({ slots }) => isKnown(slots.get(key)));

  const left = (token?: Access) => (token ? token.expires - clock.elapsed() : 0);

  function stop({ slots }: Grant): void {
    for (const { timer } of slots.values()) clock.clearTimeout(timer);
  }

  function adopt(request: LoginRequest, refreshToken?: string): Grant {
    const key = targetKey(request);
    for (const grant of all) {
      if (!grant.slots.get(key)?.own) continue;
      grant.replaced = true;
      stop(grant);
    }
    // Its own scopes are what a refresh gives anyway; some providers refuse to see them again.
    const own: Slot = { key, target: { ...request, scopes: [] }, own: true, attempts: 0 };
    const grant = { request, refreshToken, slots: new Map([[key, own]]), queue: Promise.resolve() };
    all.push(grant);
    return grant;
  }

  function renew(grant: Grant, slot: Slot): Promise<Access> {
    if (!slot.running) {
      slot.running = grant.queue
        .then(() => request(grant, slot))
        .finally(() => {
          slot.running = undefined;
        });
      grant.queue = slot.running.catch(() => undefined); // the next in the queue has nothing to do with this failure
    }
    return slot.running;
  }

  async function request(grant: Grant, slot: Slot): Promise<Access> {
    const { request, refreshToken } = grant;
    const { client_id } = request;
    if (!refreshToken || session.over) throw new Failure("invalid_grant", undefined);
    try {
      const tokens = await refreshTokens(provider, client_id, refreshToken, slot.target, environmentOf(request));
      // OpenID Connect Core §12.2: the same person, or it is no refresh.
      if (tokens.claims && tokens.claims.sub !== subject) throw new Failure("id_token_invalid", { claim: "sub" });
      grant.refreshToken = tokens.refresh_token ?? refreshToken;
      if (lacks(tokens, slot.target)) throw new Failure("scope_unavailable", { error: "invalid_scope", client_id });
      return take(grant, slot, tokens);
    } catch (failure) {
      await failed(grant, slot, failure);
      throw failure;
    }
  }

  function take(grant: Grant, slot: Slot, tokens: Tokens): Access {
    const { access_token: value, expires_in: lifetime, id_token, claims } = tokens;
    serial += 1;
    const token = { value, lifetime, expires: clock.elapsed() + (lifetime ?? FOREVER), serial };
    slot.token = token;
    if (grant.replaced) return token; // while this was on its way
    session.claims = claims ?? session.claims;
    session.idToken = id_token ?? session.idToken;
    session.problem = undefined;
    slot.attempts = 0;
    slot.refused = false;
    schedule(grant, slot);
    changed(session);
    return token;
  }

  async function failed(grant: Grant, slot: Slot, failure: unknown): Promise<void> {
    const passing = isUnreachable(failure);
    if (!slot.own && !passing) {
      // Only this target's token is over, when it ends; the sign-in goes on.
      slot.refused = true;
      if (slot.token) schedule(grant, slot);
      return;
    }
    const problem = await problemOf(failure);
    if (grant.replaced) return; // its end is no end of the session
    session.problem = problem;
    if (passing) {
      slot.attempts += 1;
      schedule(grant, slot);
    } else {
      forget(grant);
      session.over ||= inUse().every(({ refreshToken }) => !refreshToken);
    }
    changed(session);
  }

  function isRefreshable({ refreshToken, replaced }: Grant, slot: Slot): boolean {
    if (!refreshToken || replaced || slot.refused || !isKnown(slot)) return false;
    return wanted(session, slot.key);
  }

  function delay(grant: Grant, slot: Slot): number | undefined {
    const { token, attempts } = slot;
    const rest = left(token);
    if (!isRefreshable(grant, slot)) return token?.lifetime && rest;
    if (attempts > 0) {
      const pause = Math.min(2 ** (attempts - 1), LONGEST_RETRY) * (0.75 + Math.random() / 2);
      return rest > 0 ? Math.min(pause, rest) : pause; // the end is told when it comes, not at the next try
    }
    if (!token) return 0;
    return token.lifetime && rest - token.lifetime * (REFRESH_AT + JITTER * (2 * Math.random() - 1));
  }

  function schedule(grant: Grant, slot: Slot): void {
    clock.clearTimeout(slot.timer);
    const seconds = session.over ? undefined : delay(grant, slot);
    if (seconds !== undefined) slot.timer = clock.setTimeout(() => due(grant, slot), seconds);
  }

  function due(grant: Grant, slot: Slot): void {
    const rest = left(slot.token);
    if (rest <= 0) changed(session);
    if (isRefreshable(grant, slot))
      renew(grant, slot).catch(() => undefined); // kept in `problem`
    else if (rest > 0) schedule(grant, slot);
  }

  const session: Session = {
    id,
    provider,
    subject,
    account,
    since: 0,
    over: false,
    get grants() {
      return inUse();
    },
    get request() {
      return (all.at(-1) as Grant).request;
    },
    adopt,
    add(request, tokens) {
      const grant = adopt(request, tokens.refresh_token);
      session.over = false;
      session.since = now();
      take(grant, grant.slots.get(targetKey(request)) as Slot, tokens);
    },
    token(key) {
      if (session.over) return undefined;
      const tokens = inUse().map(({ slots }) => slots.get(key)?.token);
      return tokens.find((token) => left(token) > 0);
    },
    secondsLeft: (token) => token.lifetime && left(token),
    knows: (key) => granting(key) !== undefined,
    async refresh(target) {
      const key = targetKey(target);
      const own = granting(key);
      let refusal: unknown = new Failure("invalid_grant", undefined);
      for (const grant of own ? [own] : inUse()) {
        const slot = grant.slots.get(key) ?? { key, target, attempts: 0 };
        grant.slots.set(key, slot);
        try {
          return await renew(grant, slot);
        } catch (failure) {
          refusal = failure;
          if (isUnreachable(failure)) break;
        }
      }
      throw refusal;
    },
    wake() {
      for (const grant of inUse()) {
        for (const slot of grant.slots.values()) {
          slot.attempts = 0;
          schedule(grant, slot);
        }
      }
    },
    async end() {
      const { request } = session;
      session.over = true;
      all.forEach(stop);
      // A refresh under way comes back with a new refresh token: wait for it, or nobody would revoke that one.
      await Promise.all(all.map(({ queue }) => queue));
      for (const grant of all) {
        const last = [...grant.slots.values()].findLast(({ token }) => token)?.token?.value;
        const token = grant.refreshToken ?? last;
        forget(grant);
        if (token) void revokeToken(provider, request.client_id, token, environmentOf(request));
      }
    },
  };
  return session;
}

/** One that was only tried is none. */
function isKnown(slot?: Slot): boolean {
  return slot?.own === true || slot?.token !== undefined;
}

function forget(grant: Grant): void {
  grant.refreshToken = undefined;
  for (const slot of grant.slots.values()) slot.token = undefined;
}

/** A provider may grant less than was asked for (RFC 6749 §3.3): what is of no use is no token. */
function lacks({ scope }: Tokens, { scopes }: Target): boolean {
  const granted = scope?.toLowerCase().split(" "); // some write them with other capitals
  return !!granted && scopes.some((wanted) => !GRANTED_ANYWAY.test(wanted) && !granted.includes(wanted.toLowerCase()));
}
