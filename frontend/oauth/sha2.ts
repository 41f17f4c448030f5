/**
 * SHA-2, also where the page is no secure context and `crypto.subtle` is missing: Jupyter on plain
 * http in an intranet. The stand-in is loaded only there, as a file of its own.
 */
export async function sha2(bits: "256" | "384" | "512", text: string): Promise<Uint8Array> {
  const bytes = new TextEncoder().encode(text);
  if (hasSubtleCrypto()) return new Uint8Array(await crypto.subtle.digest(`SHA-${bits}`, bytes));
  const { digest } = await import("./sha2-stand-in.js");
  return digest(bits, bytes);
}

export function hasSubtleCrypto(): boolean {
  return globalThis.crypto?.subtle !== undefined;
}
