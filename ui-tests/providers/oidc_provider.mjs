/**
 * The certified `oidc-provider` as a process of its own, for tests.
 *
 *     node oidc_provider.mjs '{"redirect_uris": ["http://localhost:8888/oidc-widget/callback"], "coop": true}'
 *
 * prints one line of JSON, `{"issuer": …, "admin": …}`, when it is ready, and ends when its standard input is closed, so that
 * no test run leaves one behind. Everything else it says goes to standard error.
 *
 * Only loopback. The issuer's settings (`oidc_provider/settings.mjs`) can be changed while it runs, through the admin address
 * (`oidc_provider/admin.mjs`); `host`, `port` and `path` are read once, at start.
 */
import http from "node:http";

// The library prints its notices with console.info, but standard output carries the one line that the caller parses.
console.info = console.error;

const { install: installClock } = await import("./oidc_provider/clock.mjs");
const { Settings } = await import("./oidc_provider/settings.mjs");
const settings = new Settings(JSON.parse(process.argv[2] ?? "{}"));
installClock(settings);

// After the clock, so that the library never sees another one.
const { createProvider } = await import("./oidc_provider/provider.mjs");
const { createAdmin } = await import("./oidc_provider/admin.mjs");

function listen(server, port, host) {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve(server.address().port);
    });
  });
}

const { host, path } = settings.start;
const server = http.createServer();
const port = await listen(server, settings.start.port, host);
const issuer = `http://${host}:${port}${path}`;

const { provider, store, record } = await createProvider(issuer, settings);
const handle = provider.callback();
server.on("request", (req, res) => {
  if (!req.url.startsWith(`${path}/`)) {
    res.writeHead(404).end();
    return;
  }
  // What Express does for a mounted application; the library reads it to build its addresses.
  req.originalUrl = req.url;
  req.url = req.url.slice(path.length);
  handle(req, res);
});

const power = {
  async down() {
    if (!server.listening) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  },
  async up() {
    if (!server.listening) await listen(server, port, host);
  },
};

const admin = createAdmin({ settings, store, record, power });
const adminPort = await listen(admin, 0, "127.0.0.1");

process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
process.stdin.on("close", () => process.exit(0));
process.stdout.write(`${JSON.stringify({ issuer, admin: `http://127.0.0.1:${adminPort}` })}\n`);
