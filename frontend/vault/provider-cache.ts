import type { Environment } from "../oauth/environment.js";
import { discover, type Provider } from "../oauth/provider.js";
import type { LoginRequest } from "../oauth/request.js";

/** Each provider's metadata and keys, fetched once, before anybody clicks. */
export type ProviderCache = (request: LoginRequest) => Promise<Provider>;

export function providerCache(environmentOf: (request: LoginRequest) => Environment): ProviderCache {
  const providers = new Map<string, Promise<Provider>>();
  return (request) => {
    const { authority, endpoints, relay, provider } = request;
    const key = JSON.stringify([authority, endpoints, relay && provider]);
    const known = providers.get(key);
    if (known) return known;
    const made = endpoints
      ? Promise.resolve({ metadata: { issuer: authority, ...endpoints }, keys: {}, oidc: false })
      : discover(authority, environmentOf(request));
    providers.set(key, made);
    // A failure is not kept: the next one who asks may have the network back.
    made.catch(() => providers.delete(key));
    return made;
  };
}
