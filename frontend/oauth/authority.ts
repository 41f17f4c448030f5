const WELL_KNOWN = "/.well-known/openid-configuration";

/** The issuer's address as a person means it: what comes along when it is pasted is not part of it. */
export function issuerOf(authority: string): string {
  return authority.trim().replace(new RegExp(`${WELL_KNOWN}$`), "");
}

/** Where a provider describes itself (OpenID Connect Discovery 1.0 §4). */
export function discoveryUrl(authority: string): string {
  return issuerOf(authority).replace(/\/$/, "") + WELL_KNOWN;
}

/**
 * The document's own issuer is what ID tokens must name, letter by letter (OpenID Connect Discovery 1.0 §4.3). Of what the
 * person wrote, a slash at the end and capitals in the host's name are forgiven: they can't lead to another provider.
 */
export function sameIssuer(one: string, other: string): boolean {
  const bare = (issuer: string) =>
    issuer.replace(/\/$/, "").replace(/^[^/]*\/\/[^/?#]*/, (schemeAndHost) => schemeAndHost.toLowerCase());
  return bare(one) === bare(other);
}

/** Whether two ways of writing an authority mean the same provider. */
export function sameAuthority(one: string, other: string): boolean {
  return sameIssuer(issuerOf(one), issuerOf(other));
}
