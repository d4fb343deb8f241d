import { MicrophoneError, Superseded, type MicrophoneInfo, type MicrophoneProblem } from "./port";

/** Asks for a microphone and keeps an eye on it. */
export class Microphone {
  #track: MediaStreamTrack | null = null;
  #stream: MediaStream | null = null;
  #asked = 0;

  constructor(readonly changed: (problem: MicrophoneProblem | null) => void) {}

  get stream(): MediaStream | null {
    return this.#stream;
  }

  /** Rejects with MicrophoneError, or Superseded when it was closed or asked anew meanwhile. A device that is gone is replaced by the default one, and the answer says so. */
  async open(deviceId: string | null): Promise<MicrophoneInfo> {
    const asked = ++this.#asked;
    const { stream, fellBack } = await request(deviceId).catch((error: unknown) => {
      throw asked === this.#asked ? error : new Superseded();
    });
    if (asked !== this.#asked) {
      // While the browser was asking the person.
      for (const each of stream.getTracks()) each.stop();
      throw new Superseded();
    }
    const track = stream.getAudioTracks()[0];
    if (track === undefined) throw new MicrophoneError("missing");
    this.#stop();
    this.#watch(track, stream);
    const settings = track.getSettings();
    return {
      label: track.label,
      deviceId: settings.deviceId ?? "",
      // `"all"`, `"remote-only"` and true all cancel; only false does not.
      echoCancellation: Boolean(settings.echoCancellation),
      noiseSuppression: settings.noiseSuppression ?? false,
      autoGainControl: settings.autoGainControl ?? false,
      fellBack,
    };
  }

  close(): void {
    this.#asked += 1;
    this.#stop();
  }

  #watch(track: MediaStreamTrack, stream: MediaStream): void {
    this.#track = track;
    this.#stream = stream;
    track.onended = () => {
      this.#stop();
      this.changed("unplugged");
    };
    track.onmute = () => {
      this.changed("system");
    };
    track.onunmute = () => {
      this.changed(null);
    };
  }

  #stop(): void {
    const track = this.#track;
    this.#track = null;
    this.#stream = null;
    if (track === null) return;
    track.onended = track.onmute = track.onunmute = null;
    track.stop();
  }
}

async function request(deviceId: string | null): Promise<{ stream: MediaStream; fellBack: boolean }> {
  // Absent where the page is not secure, whatever the types say.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (devices === undefined) throw new MicrophoneError("insecure");
  try {
    return { stream: await devices.getUserMedia({ audio: constraints(deviceId) }), fellBack: false };
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    if (deviceId === null || (name !== "OverconstrainedError" && name !== "NotFoundError"))
      throw new MicrophoneError(PROBLEMS[name] ?? "missing");
  }
  return { stream: (await request(null)).stream, fellBack: true };
}

const PROBLEMS: Partial<Record<string, MicrophoneProblem>> = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "busy",
  AbortError: "busy",
};

function constraints(deviceId: string | null): MediaTrackConstraints {
  return {
    ...(deviceId === null ? {} : { deviceId: { exact: deviceId } }),
    // Newer browsers cancel all that the machine plays, older ones read the word as true.
    echoCancellation: { ideal: "all" },
    noiseSuppression: true,
    autoGainControl: true,
    channelCount: 1,
  };
}
