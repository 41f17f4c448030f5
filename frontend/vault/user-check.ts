import type { Clock } from "./clock.js";

/** The longest pause before a server that does not answer is asked again, in seconds. */
const LONGEST_PAUSE = 10;

export interface UserCheckContext {
  clock: Clock;
  /** Who is signed in to Jupyter: a name, `null` for nobody, `undefined` where there is no answer. */
  user(): Promise<string | null | undefined>;
  /** Whether there is anything to be kept from somebody else. */
  hasSessions(): boolean;
  /** Another person is here, or nobody. */
  endSessions(): void;
}

/** The vault outlives its pages, and the next page may be somebody else's: who has logged out of Jupyter takes it along. */
export interface UserCheck {
  /** Somebody signs in: from now on it matters whose browser this is. */
  remember(): void;
  /** After a time without pages, before anybody is answered. A server that can't be reached is waited for. */
  confirm(): Promise<void>;
}

export function createUserCheck({ clock, user, hasSessions, endSessions }: UserCheckContext): UserCheck {
  let known: Promise<string | null | undefined> | undefined;

  const pause = (seconds: number) => new Promise<void>((resolve) => void clock.setTimeout(resolve, seconds));

  async function answer(): Promise<string | null> {
    for (let tries = 0; ; tries += 1) {
      const who = await user();
      if (who !== undefined) return who;
      await pause(Math.min(2 ** tries, LONGEST_PAUSE));
    }
  }

  return {
    remember() {
      if (known) return;
      const asked = user();
      known = asked;
      void asked.then((who) => {
        if (who === undefined && known === asked) known = undefined; // the next sign-in asks again
      });
    },
    async confirm() {
      if (!hasSessions()) {
        known = undefined;
        return;
      }
      const before = await known;
      const now = await answer();
      // Whom the sessions belong to must be known, or they belong to nobody.
      if (now !== null && now === before) return;
      known = undefined;
      endSessions();
    },
  };
}
