/** Keys and signatures for the tests' own provider, made with this machine's Web Crypto. */

type Algorithm = "ES256" | "ES384" | "RS256" | "RS512" | "PS256" | "EdDSA" | "Ed25519";

const ecdsa = (bits: 256 | 384) => ({ name: "ECDSA", namedCurve: `P-${bits}`, hash: `SHA-${bits}` });
const rsa = (name: string, bits: 256 | 512) => ({
  name,
  hash: `SHA-${bits}`,
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
  saltLength: bits / 8,
});

/** RFC 7518 §3.1 and RFC 8037 §3.1, in the words of Web Crypto. */
const PARAMETERS = {
  ES256: ecdsa(256),
  ES384: ecdsa(384),
  RS256: rsa("RSASSA-PKCS1-v1_5", 256),
  RS512: rsa("RSASSA-PKCS1-v1_5", 512),
  PS256: rsa("RSA-PSS", 256),
  EdDSA: { name: "Ed25519" },
  Ed25519: { name: "Ed25519" },
};

export const encode = (value: string | Uint8Array | object): string =>
  Buffer.from(
    typeof value === "string" || value instanceof Uint8Array ? (value as string) : JSON.stringify(value),
  ).toString("base64url");

export class SigningKey {
  readonly alg: Algorithm;
  /** The public half as it stands in a JWKS (RFC 7517). */
  readonly jwk: JsonWebKey & { kid?: string };
  readonly #key: CryptoKey;

  private constructor(alg: Algorithm, jwk: JsonWebKey, key: CryptoKey) {
    this.alg = alg;
    this.jwk = jwk;
    this.#key = key;
  }

  static async make(alg: Algorithm, kid?: string): Promise<SigningKey> {
    const pair = (await crypto.subtle.generateKey(PARAMETERS[alg], true, ["sign", "verify"])) as CryptoKeyPair;
    const { key_ops: _, ext: __, ...jwk } = await crypto.subtle.exportKey("jwk", pair.publicKey);
    return new SigningKey(alg, { ...jwk, alg, use: "sig", ...(kid ? { kid } : {}) }, pair.privateKey);
  }

  /** A JWS in its compact form (RFC 7515 §3.1). */
  async sign(claims: object, header: object = {}): Promise<string> {
    const { kid } = this.jwk;
    const input = `${encode({ alg: this.alg, ...(kid ? { kid } : {}), ...header })}.${encode(claims)}`;
    const signature = await crypto.subtle.sign(PARAMETERS[this.alg], this.#key, Buffer.from(input));
    return `${input}.${encode(new Uint8Array(signature))}`;
  }
}

/** What an attacker who knows nothing but the public key can make: the key's text as an HMAC secret. */
export async function forgedWithPublicKey({ jwk }: SigningKey, claims: object): Promise<string> {
  const secret = Buffer.from(JSON.stringify(jwk));
  const key = await crypto.subtle.importKey("raw", secret, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const input = `${encode({ alg: "HS256", kid: jwk.kid })}.${encode(claims)}`;
  return `${input}.${encode(new Uint8Array(await crypto.subtle.sign("HMAC", key, Buffer.from(input))))}`;
}
