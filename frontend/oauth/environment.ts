/** What the protocol needs from outside; tests hand in their own. */
export interface Environment {
  fetch: typeof fetch;
  /** Seconds since the epoch. */
  now: () => number;
  randomBytes: (length: number) => Uint8Array;
}

export function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

/** 256 bits, for `state`, `nonce` and the PKCE verifier (RFC 7636 §4.1 asks for no less). */
export function randomString(environment: Environment): string {
  return base64url(environment.randomBytes(32));
}
