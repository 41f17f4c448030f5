/** Signing keys, made at each start, those that rotations bring, and one that the provider doesn't publish. */
import { exportJWK, generateKeyPair } from "jose";

export async function createKeys() {
  const kid = crypto.randomUUID().slice(0, 8);
  const rsa = await generateKeyPair("RS256", { extractable: true });
  const ec = await generateKeyPair("ES256", { extractable: true });
  const later = [];
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
    /** The private keys that so many rotations brought, the last one last, as JWKs for RS256. */
    async later(rotations) {
      while (later.length < rotations) {
        const { privateKey } = await generateKeyPair("RS256", { extractable: true });
        later.push({
          ...(await exportJWK(privateKey)),
          kid: `rsa-${kid}-${later.length + 1}`,
          use: "sig",
          alg: "RS256",
        });
      }
      return later.slice(0, rotations);
    },
    /** A key that no one published, to sign forged tokens with. */
    foreign: foreign.privateKey,
  };
}
