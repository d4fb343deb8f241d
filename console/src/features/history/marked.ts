export interface Part {
  text: string;
  hit: boolean;
}

/** A text with the places that were looked for: each of the words, wherever a word begins with it. */
export function marked(text: string, query: string): Part[] {
  const words = [...new Set(query.toLocaleLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])].sort((a, b) => b.length - a.length);
  if (words.length === 0) return [{ text, hit: false }];
  // Letters and digits only: nothing of it means anything in an expression. Chinese has no beginnings of words.
  const shape = new RegExp(words.map((word) => (/\p{Script=Han}/u.test(word) ? word : `(?<![\\p{L}\\p{N}])${word}`)).join("|"), "giu");
  const parts: Part[] = [];
  let at = 0;
  for (const { index, 0: found } of text.matchAll(shape)) {
    if (index > at) parts.push({ text: text.slice(at, index), hit: false });
    parts.push({ text: found, hit: true });
    at = index + found.length;
  }
  if (at < text.length) parts.push({ text: text.slice(at), hit: false });
  return parts;
}
