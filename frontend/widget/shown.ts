import type { SignInControl } from "../client/sign-in/sign-in-control.js";
import type { Translate } from "../client/translate.js";
import { View } from "../view/line.js";

/** A widget in this page: every place where it is shown, and who signs in, as soon as that is known. */
export class Shown {
  readonly #views = new Map<HTMLElement, View | undefined>();
  readonly #translate?: Translate;
  #login?: SignInControl;

  constructor(translate?: Translate) {
    this.#translate = translate;
  }

  /** Somebody else signs in from now on. */
  set login(login: SignInControl) {
    this.#login = login;
    for (const place of [...this.#views.keys()]) this.show(place);
  }

  show(place: HTMLElement): void {
    this.hide(place);
    place.classList.add("oidc-place");
    this.#views.set(place, this.#login && new View(place, this.#login, { translate: this.#translate }));
  }

  hide(place: HTMLElement): void {
    this.#views.get(place)?.dispose();
    this.#views.delete(place);
  }
}
