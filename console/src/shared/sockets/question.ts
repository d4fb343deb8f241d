import type { Streaming } from "@/generated/wire";

/**
 * What the person has asked and nobody has begun to answer. A line can die with a question on its way: the server
 * counts what it has taken in (`prefill_done`, one for each, in order), so after a return it is known whether the
 * question has come through, and one that has not is asked again.
 */
export class Question {
  #messages: [Streaming.Prefill, Streaming.Generate] | null = null;
  #spoken = false;
  /** `prefill_done` still to come for what was sent. */
  #toCome = 0;
  /** The question went out over a line that is gone. */
  #inDoubt = false;
  #sent = false;
  #looking: ReturnType<typeof setTimeout> | null = null;

  /** `say` sends messages, or keeps them until the line is up. */
  constructor(readonly say: (messages: Streaming.ClientMessage[]) => void) {}

  get kind(): "typed" | "spoken" | null {
    if (this.#messages !== null) return "typed";
    return this.#spoken ? "spoken" : null;
  }

  ask(text: string, language: string): void {
    this.#keep(text, language);
    this.again();
  }

  /** An utterance has been closed; its words are not known here. */
  spoken(): void {
    this.answered();
    this.#spoken = true;
  }

  /** Its words have come: the server has them, and another one could be told. */
  understood(text: string, language: string): void {
    if (!this.#spoken) return;
    this.#keep(text, language);
  }

  /** Answered, failed, or not wanted any more. */
  answered(): void {
    this.#messages = null;
    this.#spoken = this.#inDoubt = this.#sent = false;
  }

  again(): void {
    this.#inDoubt = this.#sent = false;
    if (this.#messages !== null) this.say(this.#messages);
  }

  /** Whether one of its messages answers yes. */
  among(asked: (message: Streaming.ClientMessage) => boolean): boolean {
    return this.#messages?.some(asked) ?? false;
  }

  // ── what happens on the line ──

  /** A `prefill` that is no question was sent. */
  opening(): void {
    this.#toCome += 1;
  }

  /** A message has gone out. */
  sent(message: string): void {
    if (this.#messages === null || message !== JSON.stringify(this.#messages[0])) return;
    this.#sent = true;
    this.#toCome += 1;
  }

  taken(): void {
    this.#toCome = Math.max(0, this.#toCome - 1);
    if (this.#toCome === 0) this.#inDoubt = this.#sent = false;
    else if (this.#inDoubt) this.#look();
  }

  lost(): void {
    if (this.#looking !== null) clearTimeout(this.#looking);
    this.#looking = null;
    this.#inDoubt ||= this.#sent;
  }

  /** Another session knows of nothing, and answers one `prefill` so far. */
  anew(): void {
    this.#toCome = 1;
    this.#inDoubt = this.#sent = false;
  }

  /** What has come through is told in one go after a return; soon after the first, the rest would be here. */
  #look(): void {
    this.#looking ??= setTimeout(() => {
      this.#looking = null;
      if (!this.#inDoubt) return;
      this.#toCome = 0;
      this.again();
    }, IN_ONE_GO_MS);
  }

  #keep(text: string, language: string): void {
    this.answered();
    this.#messages = [
      { type: "prefill", messages: [{ role: "user", content: text }], language },
      { type: "generate", audio: true, language },
    ];
  }
}

const IN_ONE_GO_MS = 300;
