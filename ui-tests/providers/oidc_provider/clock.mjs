/** Clock skew: this process tells the time `clock_offset` seconds off, everywhere, also in the `Date` header. */
export function install(settings) {
  const RealDate = globalThis.Date;
  const now = () => RealDate.now() + settings.clock_offset * 1000;
  // biome-ignore lint/suspicious/noShadowRestrictedNames: it stands in for Date, under the same name
  globalThis.Date = class Date extends RealDate {
    constructor(...args) {
      super(...(args.length === 0 ? [now()] : args));
    }
    static now() {
      return now();
    }
  };
  realNow = () => RealDate.now() / 1000;
}

/** The machine's own time, in seconds: what the log is stamped with. */
export let realNow = () => Date.now() / 1000;
