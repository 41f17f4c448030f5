/** The header and the claims of a JWT; nothing is verified by this. */
export type Decoded = Record<"header" | "claims", Record<string, unknown>> & { length: number };

/** `undefined`: there is none, or none that can be read. */
export function decoded(token: unknown): Decoded | undefined {
  try {
    const [header, claims] = String(token)
      .split(".", 2)
      .map((part) => {
        const bytes = atob(part.replaceAll("-", "+").replaceAll("_", "/"));
        return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (c) => c.charCodeAt(0))));
      });
    return { header, claims, length: String(token).length };
  } catch {
    return undefined;
  }
}
