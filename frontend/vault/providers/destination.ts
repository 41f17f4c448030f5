import { maxAgeOf } from "../../oauth/authentication.js";
import { sameIssuer } from "../../oauth/authority.js";
import { decodedPath, ownAddress } from "../../oauth/callback-address.js";
import { Failure } from "../../oauth/failure.js";
import type { LogoutSettings } from "../../oauth/logout.js";
import type { Provider } from "../../oauth/provider.js";
import type { LoginRequest } from "../../oauth/request.js";
import { DEFAULT_SCOPES, type LinkedTo, type Wanted } from "../messages.js";
import type { ConfiguredProvider, ServerProviders } from "./server-providers.js";

/** A link's wish with the configuration filled in; where the person comes back to depends on the provider yet. */
export interface Completed {
  request: LoginRequest;
  /** The configured provider that was named. */
  named?: ConfiguredProvider;
}

/** Where a sign-in goes, and where its answer must land. */
export interface Destination {
  provider: Provider;
  request: LoginRequest;
  linkedTo: LinkedTo;
  /** The callback that a redirect address elsewhere has to send the answer on to; it travels in `state`. */
  forwardTo?: string;
  /** The path of the callback page that the answer must come from. */
  landing: string;
  /** What the administrator configured for the provider's own sign-out. */
  logout?: LogoutSettings;
}

/**
 * @param account the subject of the one account that will do
 * @throws {Failure} there is no such provider, or something is asked for that is nothing
 */
export function complete(wanted: Wanted, { providers }: ServerProviders, account?: string | null): Completed {
  const name = wanted.provider;
  const named = name === null ? undefined : providers.find((candidate) => candidate.name === name);
  if (name !== null && !named) {
    throw new Failure("unknown_provider", { name, names: providers.map((candidate) => candidate.name) });
  }
  const extra_params = { ...named?.extra_params, ...wanted.extra_params };
  maxAgeOf(extra_params); // what can't be checked afterwards is not asked for
  const endpoints =
    named?.oidc === false && named.authorization_endpoint
      ? {
          authorization_endpoint: named.authorization_endpoint,
          token_endpoint: named.token_endpoint ?? undefined,
          revocation_endpoint: named.revocation_endpoint ?? undefined,
        }
      : undefined;
  const request: LoginRequest = {
    authority: named?.authority ?? wanted.authority ?? "",
    client_id: named?.client_id ?? wanted.client_id ?? "",
    scopes: named && wanted.scopes.join() === DEFAULT_SCOPES.join() ? named.scopes : wanted.scopes,
    resource: wanted.resource ?? named?.resource,
    audience: wanted.audience ?? named?.audience,
    extra_params,
    redirect_uri: wanted.redirect_uri ?? "",
    provider: name,
    account: account ?? undefined,
    relay: named?.relay,
    endpoints,
  };
  return { request, named };
}

/**
 * Where the answer comes back to: one address for each issuer (RFC 9700 §4.4.2.2), but for those that the administrator
 * vouches for, who share one, or have what was configured for them.
 *
 * @param callback this server's own
 * @throws {Failure} the notebook names an address where other providers' answers arrive
 */
export async function destinationOf(
  { request, named }: Completed,
  provider: Provider,
  server: ServerProviders,
  callback: string,
): Promise<Destination> {
  const { issuer } = provider.metadata;
  const entry = named ?? server.providers.find(({ authority }) => sameIssuer(authority, issuer));
  // A hub gives the path alone, which is right under whatever name and scheme the browser sees it.
  const shared = server.redirect_uri ? new URL(server.redirect_uri, callback).href : callback;
  const usual = entry ? (entry.redirect_uri ?? shared) : await ownAddress(shared, issuer);
  const landing = entry ? callback : await ownAddress(callback, issuer);
  const given = request.redirect_uri || usual;
  if (given !== usual && isOthers(given, server, [callback, shared])) {
    throw new Failure("redirect_uri_mismatch", { given, own: usual });
  }
  const resolved = { ...request, redirect_uri: given };
  return {
    provider,
    request: resolved,
    linkedTo: {
      redirect_uri: given,
      label: entry && (entry.label || entry.name),
      host: new URL(issuer).host,
      configured: entry !== undefined,
      request: resolved,
    },
    // An address that is shared by issuers appends their tail itself; any other is told the whole.
    forwardTo: given === landing ? undefined : given === usual ? callback : landing,
    landing: new URL(landing).pathname,
    logout: entry?.logout ?? undefined,
  };
}

/** Whether answers for others arrive at this address: for a configured provider, or at a callback page of this origin. */
function isOthers(address: string, { providers }: ServerProviders, callbacks: string[]): boolean {
  if (!URL.canParse(address)) return false; // the provider will say so
  const { origin, pathname, href } = new URL(address);
  const isCallback =
    origin === new URL(callbacks[0]).origin && /\/oidc-widget\/+callback(\/|$)/i.test(decodedPath(pathname));
  const below = callbacks.some((callback) => href === callback || href.startsWith(`${callback}/`));
  return (
    isCallback || below || providers.some(({ redirect_uri }) => redirect_uri && href === new URL(redirect_uri).href)
  );
}
