/** The package's version, as Python spells it; a test holds it against package.json. */
export const VERSION = "1.0.0rc1";
