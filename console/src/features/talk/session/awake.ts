/** Keeps the screen on while one talks without touching it. The browser takes the lock away with the page's view. */
export class Awake {
  #wanted = false;
  #lock: WakeLockSentinel | null = null;

  constructor() {
    document.addEventListener("visibilitychange", () => {
      if (this.#wanted && document.visibilityState === "visible") void this.#ask();
    });
  }

  set(wanted: boolean): void {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    if (wanted) void this.#ask();
    else void this.#lock?.release();
  }

  async #ask(): Promise<void> {
    const wakeLock = (navigator as { wakeLock?: WakeLock }).wakeLock;
    try {
      this.#lock = (await wakeLock?.request("screen")) ?? null;
    } catch {
      // Refused on a low battery: the screen goes dark, the conversation goes on.
      this.#lock = null;
    }
  }
}
