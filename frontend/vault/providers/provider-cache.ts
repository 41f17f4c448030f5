import type { Environment } from "../../oauth/environment.js";
import { discover, type Provider } from "../../oauth/provider.js";
import type { LoginRequest } from "../../oauth/request.js";

/** How long metadata is gone by before it is read again, in seconds. */
const METADATA_AGE = 600;
/** Notebooks name what they like: so many providers are remembered, and the one that was not asked for longest goes. */
const MOST = 50;

/** Each provider's metadata and keys, fetched before anybody clicks. */
export type ProviderCache = (request: LoginRequest) => Promise<Provider>;

interface Known {
  provider?: Provider;
  since: number;
  asking?: Promise<Provider>;
}

export function providerCache(environmentOf: (request: LoginRequest) => Environment): ProviderCache {
  const all = new Map<string, Known>();

  async function ask(known: Known, key: string, request: LoginRequest): Promise<Provider> {
    const environment = environmentOf(request);
    try {
      known.provider = await discover(request.authority, environment);
      known.since = environment.now();
      return known.provider;
    } catch (failure) {
      if (known.provider) return known.provider; // what it said before holds while it can't be asked
      all.delete(key); // the next one who asks may have the network back
      throw failure;
    } finally {
      known.asking = undefined;
    }
  }

  return async (request) => {
    const { authority, endpoints, relay, provider } = request;
    if (endpoints) return { metadata: { issuer: authority, ...endpoints }, keys: {}, oidc: false };
    const key = JSON.stringify([authority, relay && provider]);
    const known = all.get(key) ?? { since: 0 };
    all.delete(key);
    all.set(key, known);
    const [oldest] = all.keys();
    if (all.size > MOST) all.delete(oldest);
    if (known.provider && environmentOf(request).now() - known.since < METADATA_AGE) return known.provider;
    known.asking ??= ask(known, key, request);
    return known.asking;
  };
}
