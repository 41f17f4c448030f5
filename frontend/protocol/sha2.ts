/**
 * SHA-2, also where the page is no secure context and `crypto.subtle` is missing: Jupyter on plain
 * http in an intranet. The stand-in is loaded only there, as a file of its own.
 */
export async function sha2(bits: "256" | "384" | "512", text: string): Promise<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  if (hasSubtleCrypto()) return new Uint8Array(await crypto.subtle.digest(`SHA-${bits}`, bytes));
  const { sha256, sha384, sha512 } = await import("@noble/hashes/sha2.js");
  return { "256": sha256, "384": sha384, "512": sha512 }[bits](bytes);
}

export function hasSubtleCrypto(): boolean {
  return globalThis.crypto?.subtle !== undefined;
}
