// The popup's last page: hands the authorization response to the vault and closes.
//
// It is inlined into a page with `default-src 'none'`, so it depends on nothing and asks for nothing.
// Text from outside goes through `textContent` only; the page's CSP (Trusted Types) holds it to that.

export {};

const { search, hash, origin, pathname } = location;
// At once: the code must not stay in the address bar, the history or a bookmark.
history.replaceState(null, "", pathname);

// Some providers answer in the fragment (OAuth 2.0 Multiple Response Types §2.1).
const parameters = new URLSearchParams(search + hash.replace(/^#/, "&"));
const state = parameters.get("state");
const refusal = parameters.get("error_description") || parameters.get("error");
const box = document.body.firstElementChild as HTMLElement;

const show = (...sentences: (string | null)[]): void =>
  box.replaceChildren(
    ...sentences.filter(Boolean).map((sentence) => {
      const paragraph = document.createElement("p");
      // A crafted link may carry any text: quoted, and short.
      paragraph.textContent = (sentence as string).slice(0, 500);
      return paragraph;
    }),
  );

// Said only of an answer that somebody waited for: else whoever makes an address could say what he likes here.
const refused = refusal && `The sign-in provider answered: “${refusal}”`;

const lost = (): void =>
  show(
    "No sign-in is waiting here",
    `Nothing in this browser waits for a sign-in at ${origin}. Either Jupyter is at another address (localhost is not 127.0.0.1, ports count), in a frame of another site, or the sign-in has ended.`,
    "Go back to the notebook and click Sign in again.",
  );

if (state) {
  const channel = new BroadcastChannel(`oidc-widget:${state}`);
  const post = (): void => channel.postMessage({ search, hash, pathname });
  // Repeated, and not given up on: a vault that is only just starting may miss the first ones.
  const posting = setInterval(post, 100);
  const losing = setTimeout(lost, 3000);
  channel.onmessage = ({ data }): void => {
    if (data.received) {
      clearInterval(posting);
      clearTimeout(losing);
      channel.close();
      // Seen only where the browser refuses to close the window.
      show("You can close this window", refused);
      close();
    }
  };
  post(); // before anything is drawn: who waits for the token waits for this
  show("Finishing the sign-in …");
} else {
  lost();
}
