/** Signing keys, made at each start, and one that the provider doesn't publish. */
import { exportJWK, generateKeyPair } from "jose";

export async function createKeys() {
  const kid = crypto.randomUUID().slice(0, 8);
  const rsa = await generateKeyPair("RS256", { extractable: true });
  const ec = await generateKeyPair("ES256", { extractable: true });
  const foreign = await generateKeyPair("RS256", { extractable: true });
  return {
    kid,
    jwks: [
      { ...(await exportJWK(rsa.privateKey)), kid: `rsa-${kid}`, use: "sig" },
      { ...(await exportJWK(ec.privateKey)), kid: `ec-${kid}`, use: "sig" },
    ],
    /** The private key for a JWS algorithm, as a JWK (one RSA key serves RS256, RS512 and PS256). */
    signing(alg) {
      return { ...this.jwks[alg.startsWith("ES") ? 1 : 0], alg };
    },
    /** A key that no one published, to sign forged tokens with. */
    foreign: foreign.privateKey,
  };
}
