import { PLAYBACK, type PlaybackCommand, type PlaybackReport } from "./messages";
import { measure } from "./pcm";
import { Player } from "./player";

/** The player at the context's rate. Reports every 20 ms while there is something to say, and at once at each event. */
class Playback extends AudioWorkletProcessor {
  readonly #player = new Player(sampleRate);
  #reportAt = 0;
  #quietAfter = 0;

  constructor() {
    super();
    this.port.onmessage = ({ data }: MessageEvent<PlaybackCommand>) => {
      this.#obey(data);
    };
  }

  process(_inputs: Float32Array[][], outputs: Float32Array[][]): boolean {
    const [left, ...others] = outputs[0] ?? [];
    if (left === undefined) return true;
    this.#player.render(left, currentFrame);
    for (const channel of others) channel.set(left);
    this.#report(left);
    return true;
  }

  #report(block: Float32Array): void {
    const frame = currentFrame + block.length;
    const events = this.#player.events();
    const position = this.#player.position();
    // What was rendered leaves the loudspeaker later: the page needs the clock until then.
    if (position !== null || events.length > 0) this.#quietAfter = frame + sampleRate;
    if (events.length === 0 && (frame < this.#reportAt || frame > this.#quietAfter)) return;
    this.#reportAt = frame + sampleRate / 50;
    const report: PlaybackReport = { frame, position, level: measure(block).rms, events };
    this.port.postMessage(report);
  }

  #obey(command: PlaybackCommand): void {
    const player = this.#player;
    switch (command.do) {
      case "configure":
        player.configure(command.rate);
        break;
      case "push":
        player.push(command.reply, command.offset, new Int16Array(command.pcm));
        break;
      case "duck":
        player.duck(command.reply, command.gain);
        break;
      case "hold":
        player.hold(command.reply);
        break;
      case "release":
        player.release(command.reply);
        break;
      case "flush":
        player.flush(command.reply);
        break;
      case "finish":
        player.finish(command.reply);
        break;
    }
  }
}

registerProcessor(PLAYBACK, Playback);
