import { OIDCError } from "../protocol/errors.js";

/**
 * The half of the protocol that is needed once a person signs in: token requests, ID tokens, signatures. It is a file
 * of its own, loaded while the person is at the provider, so that the vault is small where nobody signs in.
 */
export async function tokenProtocol() {
  try {
    return await import("../protocol/token.js");
  } catch (cause) {
    throw new OIDCError(
      {
        code: "token_endpoint_unreachable",
        message: "A part of oidc-widget can't be loaded from the Jupyter server, so no token can be asked for.",
        hint: "Check that the server still runs; if oidc-widget was upgraded, reload the page.",
      },
      cause,
    );
  }
}
