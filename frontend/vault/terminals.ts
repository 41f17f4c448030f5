import { type Environment, randomString } from "../oauth/environment.js";
import { send } from "../oauth/send.js";
import type { Clock } from "./clock.js";
import { problemOf } from "./problem.js";
import type { JupyterServer } from "./providers/jupyter-server.js";
import { NoToken } from "./terminal-token.js";

/** Seconds between two tries to reach a server that does not answer: so many at first, and at last. */
const PAUSES = [1, 30];
/** Seconds after which an answer that was not taken is given again, if somebody still waits for it. */
const REPEAT = 5;
/** In ms: the server answers sooner, with a question or without one (`_LISTENING` there). */
const LONGEST_POLL = 60_000;

/** What a terminal asks: `provider` is what the person wrote. */
interface Question {
  id: string;
  provider: string;
}

/** Answers the terminals of the Jupyter server (`oidc-widget token`), for as long as it listens. */
export interface Terminals {
  listen(): void;
  /** Nobody is answered any more, also who was asked for already. */
  stop(): void;
}

/** @param tokenFor an access token of a provider as a person writes it; rejects where there is none */
export function createTerminals(
  environment: Environment,
  { clock, server, tokenFor }: { clock: Clock; server: JupyterServer; tokenFor(provider: string): Promise<string> },
): Terminals {
  const browser = randomString(environment);
  const working = new Set<string>();
  let life: AbortController | undefined;

  async function post(path: string, body: object, signal: AbortSignal): Promise<Response> {
    return await send(environment, `${server.baseUrl}oidc-widget/api/terminal-token/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...server.headers },
      body: JSON.stringify({ browser, ...body }),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.any([signal, AbortSignal.timeout(LONGEST_POLL)]),
    });
  }

  async function next(signal: AbortSignal): Promise<Question | undefined> {
    const response = await post("next", { working: [...working] }, signal);
    if (response.status === 204) return undefined;
    if (!response.ok) throw new Error(`status ${response.status}`);
    const { id, provider } = await response.json();
    if (!/^[\w-]{43}$/.test(id) || typeof provider !== "string") throw new Error("this is no question");
    return { id, provider };
  }

  async function listen({ signal }: AbortController): Promise<void> {
    const [first, longest] = PAUSES;
    let pause = first;
    while (!signal.aborted) {
      try {
        const question = await next(signal);
        pause = first;
        if (question && !working.has(question.id)) void answer(question, signal);
      } catch {
        // The server is away, or knows the person no more; a page shows that by itself.
        await pass(pause, signal);
        pause = Math.min(pause * 2, longest);
      }
    }
  }

  function pass(seconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const timer = clock.setTimeout(resolve, seconds);
      signal.addEventListener("abort", () => {
        clock.clearTimeout(timer);
        resolve();
      });
    });
  }

  async function answer({ id, provider }: Question, signal: AbortSignal): Promise<void> {
    working.add(id);
    const { ok } = await post(id, await answerTo(provider), signal).catch(() => ({ ok: false }));
    // If somebody still waits, the server asks again.
    if (!ok) await pass(REPEAT, signal);
    working.delete(id);
  }

  async function answerTo(provider: string): Promise<object> {
    try {
      return { access_token: await tokenFor(provider) };
    } catch (failure) {
      const { code, message, hint } = failure instanceof NoToken ? failure.problem : await problemOf(failure);
      return { error: code, error_description: [message, hint].filter(Boolean).join(" ") };
    }
  }

  return {
    listen() {
      if (life) return;
      life = new AbortController();
      void listen(life);
    },
    stop() {
      life?.abort();
      life = undefined;
    },
  };
}
