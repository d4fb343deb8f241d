/** The camera, looked at once a second. */
export class Camera {
  readonly element = document.createElement("video");
  #stream: MediaStream | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(readonly frame: (jpeg: string) => void) {
    this.element.muted = true;
    this.element.playsInline = true;
  }

  /** Rejects with the browser's DOMException when there is no camera or it may not be used. */
  async open(): Promise<void> {
    const devices = navigator.mediaDevices as MediaDevices | undefined;
    if (devices === undefined) throw new DOMException("the page is not secure", "NotAllowedError");
    const stream = await devices.getUserMedia({ video: { width: { ideal: WIDTH }, height: { ideal: 480 }, facingMode: "user" } });
    this.close();
    this.#stream = stream;
    this.element.srcObject = stream;
    await this.element.play();
    this.#timer = setInterval(() => {
      this.#look();
    }, EVERY_MS);
    this.#look();
  }

  close(): void {
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
