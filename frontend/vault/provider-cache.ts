import { discover, type Provider } from "../protocol/discovery.js";
import type { Environment } from "../protocol/environment.js";
import type { LoginRequest } from "../protocol/request.js";

/** Each provider's metadata and keys, fetched once, before anybody clicks. */
export class ProviderCache {
  readonly #environmentOf: (request: LoginRequest) => Environment;
  readonly #providers = new Map<string, Promise<Provider>>();

  constructor(environmentOf: (request: LoginRequest) => Environment) {
    this.#environmentOf = environmentOf;
  }

  get(request: LoginRequest): Promise<Provider> {
    const key = JSON.stringify([request.authority, request.endpoints, request.relay && request.provider]);
    let provider = this.#providers.get(key);
    if (!provider) {
      provider = request.endpoints
        ? withoutDiscovery(request)
        : discover(request.authority, this.#environmentOf(request));
      this.#providers.set(key, provider);
      // A failure is not kept: the next one who asks may have the network back.
      provider.catch(() => this.#providers.delete(key));
    }
    return provider;
  }
}

async function withoutDiscovery({ authority, endpoints }: LoginRequest): Promise<Provider> {
  return { metadata: { issuer: authority, ...endpoints }, keys: {}, oidc: false };
}
