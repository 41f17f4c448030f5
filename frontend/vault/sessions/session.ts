import type { IDToken } from "oauth4webapi";
import type { Identity } from "../../oauth/authentication.js";
import type { Environment } from "../../oauth/environment.js";
import type { Problem } from "../../oauth/errors.js";
import { Failure, isUnreachable } from "../../oauth/failure.js";
import type { Provider } from "../../oauth/provider.js";
import { type LoginRequest, type Target, targetKey } from "../../oauth/request.js";
import { refreshTokens, revokeToken, type Tokens } from "../../oauth/token-endpoint.js";
import type { Clock } from "../clock.js";
import { problemOf } from "../problem.js";
import type { Destination } from "../providers/destination.js";
import type { SignInResult } from "../sign-in/attempt.js";
import { type Access, createGrant, forget, type Grant, isKnown, type Slot, slotOf } from "./grant.js";
import { missingScopes, unanswered } from "./granted.js";
import { delay, pauseAfter, pauseLeft } from "./refresh-schedule.js";

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

/** How long a token is used whose end the provider does not tell, in seconds. */
const FOREVER = 1e9;
/** Claims about one ID token or one sign-in: a later sign-in's own take their place, or nothing does. */
const OF_ONE_SIGN_IN = ["acr", "amr", "auth_time", "azp", "aud", "exp", "iat", "nbf", "jti", "sid", "at_hash"];

let serial = 0;

/** One account at one provider for one client: the only holder of its refresh and ID tokens. */
export interface Session {
  readonly id: string;
  readonly provider: Provider;
  readonly subject: string;
  readonly account: string;
  claims?: IDToken;
  idToken?: string;
  /** Of the newest sign-in: when and how the person signed in. */
  readonly identity?: Identity;
  /** Of the newest sign-in. */
  readonly destination: Destination;
  /** When the person signed in, in seconds since the epoch. */
  since: number;
  /** The provider ended the sign-in, or the person did; only a new one helps. */
  over: boolean;
  /** It was the provider, in its own words. */
  endedByProvider: boolean;
  /** The request that the newest sign-in answered. */
  readonly request: LoginRequest;
  /** Takes in what a sign-in gave. A second sign-in for the same target takes the first one's place. */
  add(result: SignInResult): void;
  /** The token for this target, while it lives. */
  token(key: string): Access | undefined;
  /** Why there is no fresh token for this target, while there is none or none will come. */
  problem(key: string): Problem | undefined;
  /** What is not as it was asked for, of the token for this target. */
  warning(key: string): Problem | undefined;
  /** Whether this target's token is renewed by itself. */
  renews(key: string): boolean;
  /** `undefined` where the provider does not say. */
  secondsLeft(token: Access): number | undefined;
  knows(key: string): boolean;
  /**
   * A new token for this target from a refresh token of this session: that of the sign-in for the same target, else
   * any that grants it (RFC 8707 §2.2, RFC 6749 §6). Many callers at once cause one request; while the provider asks
   * for a pause, they cause none.
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
  first: Destination,
  subject: string,
  account: string,
  { environmentOf, now, clock, changed, wanted }: SessionContext,
): Session {
  const { provider } = first;
  let destination = first;
  const all: Grant[] = [];
  /** Why the session is over. */
  let end: Problem | undefined;

  const inUse = () => all.filter(({ replaced }) => !replaced);

  /** The sign-in that this target's token comes from. */
  const granting = (key: string) => inUse().find(({ slots }) => isKnown(slots.get(key)));

  const slotFor = (key: string) => granting(key)?.slots.get(key);

  const left = (token?: Access) => (token ? token.expires - clock.elapsed() : 0);

  function stop({ slots }: Grant): void {
    for (const { timer } of slots.values()) clock.clearTimeout(timer);
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
    const { request, refreshToken, identity } = grant;
    const { client_id } = request;
    if (!refreshToken || session.over) throw new Failure("invalid_grant", undefined);
    if (pauseLeft(grant, clock.elapsed()) > 0) throw grant.pause?.failure;
    let tokens: Tokens;
    try {
      tokens = await refreshTokens(provider, client_id, refreshToken, slot.target, environmentOf(request), identity);
      grant.refreshToken = tokens.refresh_token ?? refreshToken;
      grant.pause = undefined;
      grant.renewed = true;
      const missing = missingScopes(tokens, slot.target);
      if (missing.length > 0) throw new Failure("scope_unavailable", { error: "invalid_scope", client_id });
    } catch (reason) {
      const failure = grant.renewed ? asEnded(reason) : reason;
      await failed(grant, slot, failure);
      throw failure;
    }
    return take(grant, slot, tokens);
  }

  function take(grant: Grant, slot: Slot, tokens: Tokens): Access {
    const { access_token: value, expires_in: lifetime, id_token, claims } = tokens;
    serial += 1;
    const token = { value, lifetime, expires: clock.elapsed() + (lifetime ?? FOREVER), serial };
    slot.token = token;
    if (grant.replaced) return token; // while this was on its way
    // One that says less (fewer scopes, another API) takes nothing back.
    session.claims = claims ? { ...session.claims, ...claims } : session.claims;
    session.idToken = id_token ?? session.idToken;
    slot.problem = undefined;
    slot.refused = false;
    schedule(grant, slot);
    warn(grant, slot, tokens);
    changed(session);
    return token;
  }

  function warn(grant: Grant, slot: Slot, tokens: Tokens): void {
    const failure = unanswered(tokens, slot.own ? grant.request : slot.target);
    if (!failure) {
      slot.warning = undefined;
    } else if (!slot.warning) {
      void problemOf(failure).then((problem) => {
        slot.warning = problem;
        changed(session);
      });
    }
  }

  async function failed(grant: Grant, slot: Slot, failure: unknown): Promise<void> {
    const passing = isUnreachable(failure);
    if (passing) grant.pause = pauseAfter(failure, grant.pause, clock.elapsed());
    const ending = !passing && (slot.own || isDistrusted(failure));
    // Only this target's token is over, when it ends; the sign-in goes on.
    if (!passing && !ending) slot.refused = true;
    if (slot.refused && slot.token) schedule(grant, slot);
    const problem = await problemOf(failure);
    slot.problem = problem;
    if (grant.replaced) return; // its end is no end of the session
    if (passing) schedule(grant, slot);
    if (ending) endGrant(grant, failure, problem);
    changed(session);
  }

  function endGrant(grant: Grant, failure: unknown, problem: Problem): void {
    const { refreshToken, request } = grant;
    for (const slot of grant.slots.values()) slot.problem = problem;
    forget(grant);
    const refused = isRefusal(failure);
    if (refreshToken && !refused) void revokeToken(provider, request.client_id, refreshToken, environmentOf(request));
    session.over ||= inUse().every((other) => !other.refreshToken);
    session.endedByProvider = session.over && refused;
    end = problem;
  }

  function isRefreshable({ refreshToken, replaced }: Grant, slot: Slot): boolean {
    if (!refreshToken || replaced || slot.refused || !isKnown(slot)) return false;
    return wanted(session, slot.key);
  }

  function schedule(grant: Grant, slot: Slot): void {
    clock.clearTimeout(slot.timer);
    if (session.over) return;
    const seconds = delay(grant, slot.token, isRefreshable(grant, slot), clock.elapsed());
    if (seconds !== undefined) slot.timer = clock.setTimeout(() => due(grant, slot), seconds);
  }

  function due(grant: Grant, slot: Slot): void {
    const rest = left(slot.token);
    if (rest <= 0) changed(session);
    const refreshable = isRefreshable(grant, slot);
    if (refreshable && pauseLeft(grant, clock.elapsed()) === 0)
      renew(grant, slot).catch(() => undefined); // kept in `problem`
    else if (refreshable || rest > 0) schedule(grant, slot);
  }

  const session: Session = {
    id,
    provider,
    subject,
    account,
    since: 0,
    over: false,
    endedByProvider: false,
    get destination() {
      return destination;
    },
    get request() {
      return destination.request;
    },
    get identity() {
      return all.at(-1)?.identity;
    },
    add(result) {
      const { tokens } = result;
      const { request } = result.destination;
      destination = result.destination;
      const key = targetKey(request);
      for (const grant of all) {
        if (!grant.slots.get(key)?.own) continue;
        grant.replaced = true;
        stop(grant);
      }
      const grant = createGrant(request, tokens.refresh_token, tokens.identity);
      all.push(grant);
      session.over = false;
      session.endedByProvider = false;
      session.since = now();
      const kept = Object.entries(session.claims ?? {}).filter(([name]) => !OF_ONE_SIGN_IN.includes(name));
      session.claims = session.claims && (Object.fromEntries(kept) as unknown as IDToken);
      take(grant, grant.slots.get(key) as Slot, tokens);
    },
    token(key) {
      if (session.over) return undefined;
      const tokens = inUse().map(({ slots }) => slots.get(key)?.token);
      return tokens.find((token) => left(token) > 0);
    },
    problem: (key) => (session.over ? end : slotFor(key)?.problem),
    warning: (key) => slotFor(key)?.warning,
    renews(key) {
      const grant = granting(key);
      const slot = grant?.slots.get(key);
      return !session.over && grant !== undefined && slot !== undefined && isRefreshable(grant, slot);
    },
    secondsLeft: (token) => token.lifetime && left(token),
    knows: (key) => granting(key) !== undefined,
    async refresh(target) {
      const own = granting(targetKey(target));
      let refusal: unknown = new Failure("invalid_grant", undefined);
      for (const grant of own ? [own] : inUse()) {
        try {
          return await renew(grant, slotOf(grant, target));
        } catch (failure) {
          refusal = failure;
          if (isUnreachable(failure)) break;
        }
      }
      throw refusal;
    },
    wake() {
      for (const grant of inUse()) {
        // The network may be back. What the provider itself said of its time holds.
        if (gaveNoAnswer(grant.pause?.failure)) grant.pause = undefined;
        for (const slot of grant.slots.values()) schedule(grant, slot);
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

/** A refresh token whose tokens are not to be trusted is no better for another API. */
function isDistrusted(failure: unknown): boolean {
  return failure instanceof Failure && failure.code === "id_token_invalid";
}

/** The provider's own no to a request (RFC 6749 §5.2). */
function isRefusal(failure: unknown): boolean {
  if (!(failure instanceof Failure)) return false;
  return /^(token_request_refused|invalid_grant)$/.test(failure.code) && failure.facts !== undefined;
}

function gaveNoAnswer(failure: unknown): boolean {
  return failure instanceof Failure && failure.facts !== undefined && "address" in failure.facts;
}

/** Some say of a dead refresh token that the request was wrong (`invalid_request`), which was right before. */
function asEnded(failure: unknown): unknown {
  if (!(failure instanceof Failure) || failure.code !== "token_request_refused") return failure;
  const facts = failure.facts as Failure<"token_request_refused">["facts"];
  return "error" in facts && facts.error === "invalid_request" ? new Failure("invalid_grant", facts, failure) : failure;
}
