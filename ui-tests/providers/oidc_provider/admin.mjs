/**
 * The test's own way in, on a second loopback port. JSON in and out.
 *
 * GET /settings, PATCH /settings (replaces the settings named), DELETE /settings (as at start)
 * GET /log → {requests, secrets}, DELETE /log
 * POST /revoke {login, models} → {revoked}: forget these of an account (RefreshToken if not said) behind everybody's back
 * POST /down, POST /up: refuse connections, and accept them again at the same port
 */
import http from "node:http";

export function createAdmin({ settings, store, record, power }) {
  const routes = {
    "GET /settings": () => settings,
    "PATCH /settings": (body) => {
      settings.patch(body);
      return settings;
    },
    "DELETE /settings": () => {
      settings.reset();
      return settings;
    },
    "GET /log": () => ({ requests: record.requests, secrets: record.secrets }),
    "DELETE /log": () => record.clear(),
    "POST /revoke": ({ login, models = ["RefreshToken"] }) => ({
      revoked: store.revoke(settings.accounts[login].sub, models),
    }),
    "POST /down": () => power.down(),
    "POST /up": () => power.up(),
  };
  return http.createServer(async (req, res) => {
    try {
      const route = routes[`${req.method} ${req.url}`];
      if (!route) throw new TypeError(`no such request: ${req.method} ${req.url}`);
      const chunks = [];
      for await (const chunk of req) chunks.push(chunk);
      const answer = await route(JSON.parse(Buffer.concat(chunks).toString() || "{}"));
      res.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(answer ?? {}));
    } catch (error) {
      res.writeHead(400, { "Content-Type": "application/json" }).end(JSON.stringify({ error: String(error) }));
    }
  });
}
