/** The camera, looked at once a second. */
export class Camera {
  readonly element = document.createElement("video");
  #stream: MediaStream | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;
  #asked = 0;

  constructor(readonly frame: (jpeg: string) => void) {
    this.element.muted = true;
    this.element.playsInline = true;
  }

  /** Rejects with the browser's DOMException when there is no camera or it may not be used, unless nobody waits for it. */
  async open(): Promise<void> {
    const devices = navigator.mediaDevices as MediaDevices | undefined;
    if (devices === undefined) throw new DOMException("the page is not secure", "NotAllowedError");
    this.#stop();
    const asked = ++this.#asked;
    try {
      const stream = await devices.getUserMedia({ video: { width: { ideal: WIDTH }, height: { ideal: 480 }, facingMode: "user" } });
      if (asked !== this.#asked) {
        // Closed, or asked anew, while the browser was asking the person.
        for (const track of stream.getTracks()) track.stop();
        return;
      }
      this.#stream = stream;
      this.element.srcObject = stream;
      await this.element.play();
    } catch (error) {
      if (asked !== this.#asked) return;
      this.close();
      throw error;
    }
    if (asked !== this.#asked) return;
    this.#timer = setInterval(() => {
      this.#look();
    }, EVERY_MS);
    this.#look();
  }

  close(): void {
    this.#asked += 1;
    this.#stop();
  }

  #stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.element.srcObject = null;
  }

  #look(): void {
    const { videoWidth, videoHeight } = this.element;
    if (videoWidth === 0) return;
    const scale = Math.min(1, WIDTH / videoWidth);
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(videoWidth * scale);
    canvas.height = Math.round(videoHeight * scale);
    canvas.getContext("2d")?.drawImage(this.element, 0, 0, canvas.width, canvas.height);
    const jpeg = canvas.toDataURL("image/jpeg", 0.8);
    this.frame(jpeg.slice(jpeg.indexOf(",") + 1));
  }
}

const EVERY_MS = 1000;
const WIDTH = 640;
