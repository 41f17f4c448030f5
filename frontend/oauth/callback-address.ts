import { sha2 } from "./sha2.js";

/** The host of an address (RFC 3986 §3.2.2), read alike in both languages, whose parsers differ. */
const HOST = /^[a-z][a-z0-9+.-]*:\/\/(?:[^@/?#]*@)?(\[[^\]]*\]|[^:/?#]*)/i;

/**
 * The last part of an issuer's own redirect address, `{host}.{h}`: its host (without port, so that a person recognizes
 * it), and 64 bits of its SHA-256, which tell apart what shares a host. The twin of `issuer_tail` in
 * `oidc_widget/oauth/callback_address.py`.
 *
 * @param issuer letter by letter as its discovery document says it
 */
export async function issuerTail(issuer: string): Promise<string> {
  const host = (HOST.exec(issuer)?.[1] ?? "").toLowerCase().replace(/[^a-z0-9.-]/g, "_");
  const hash = Array.from((await sha2("256", issuer)).slice(0, 8), (byte) => byte.toString(16).padStart(2, "0"));
  return `${host}.${hash.join("")}`;
}

/** One for each issuer, so that nobody is sent another's code (RFC 9700 §4.4.2.2). */
export async function ownAddress(callback: string, issuer: string): Promise<string> {
  let end = callback.length;
  while (callback[end - 1] === "/") end -= 1; // `/\/+$/` would try again at each slash of a long row
  return `${callback.slice(0, end)}/${await issuerTail(issuer)}`;
}

/** Whether two ways of writing a path mean the same page; percent signs are written by some and not by others. */
export function samePath(one: string, other: string): boolean {
  return decodedPath(one) === decodedPath(other);
}

/** As the server reads it. */
export function decodedPath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path; // a percent sign that stands for itself
  }
}
