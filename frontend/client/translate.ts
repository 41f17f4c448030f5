/** `ITranslator`'s `__`, or what stands in for it where there is none. */
export type Translate = (text: string, ...values: (string | number)[]) => string;

export const english: Translate = (text, ...values) =>
  text.replace(/%(\d)/g, (_, index) => String(values[Number(index) - 1]));
