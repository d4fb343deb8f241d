/** What this tab remembers, and a reload finds again. Where storage is off or full it remembers nothing, and nobody fails. */
export const tab = {
  read(key: string): string | null {
    try {
      return sessionStorage.getItem(key);
    } catch {
      return null;
    }
  },
  write(key: string, text: string | null): void {
    try {
      if (text === null) sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, text);
    } catch {
      // A draft or a session that does not outlive a reload.
    }
  },
};
