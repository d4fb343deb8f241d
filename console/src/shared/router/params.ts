/** One search parameter: what it reads from an address, and how it is written there. Null: not in the address. */
export interface Param<T> {
  parse(text: string): T | null;
  format(value: T): string;
}

/** Words, at most `most` characters of them. */
export function text(most = 200): Param<string> {
  return {
    parse: (value) => (value === "" ? null : value.slice(0, most)),
    format: (value) => value,
  };
}

export function choice<const T extends string>(...values: readonly T[]): Param<T> {
  return {
    parse: (value) => values.find((each) => each === value) ?? null,
    format: (value) => value,
  };
}

/** A moment, as RFC 3339 in UTC. */
export const moment: Param<string> = {
  parse: (value) => (Number.isNaN(Date.parse(value)) ? null : new Date(value).toISOString()),
  format: (value) => value,
};

export const flag: Param<true> = {
  parse: (value) => (value === "1" ? true : null),
  format: () => "1",
};

/** A whole number within bounds. */
export function whole(least: number, most: number): Param<number> {
  return {
    parse: (value) => {
      const number = Number(value);
      return Number.isInteger(number) && number >= least && number <= most && value !== "" ? number : null;
    },
    format: String,
  };
}
