import { sha256, sha384, sha512 } from "@noble/hashes/sha2.js";

/** For pages that are no secure context, where `crypto.subtle` is missing: Jupyter on plain http in an intranet. */
export function digest(bits: "256" | "384" | "512", bytes: Uint8Array): Uint8Array {
  return { "256": sha256, "384": sha384, "512": sha512 }[bits](bytes);
}
