let context: AudioContext | null = null;

/** Plays a short WAV file (base64) through Web Audio; the ms that came out of it. */
export async function playWav(base64: string): Promise<number> {
  context ??= new AudioContext();
  await context.resume();
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const buffer = await context.decodeAudioData(bytes.buffer);
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(context.destination);
  const began = context.currentTime;
  const ended = new Promise((resolve) => {
    source.addEventListener("ended", resolve, { once: true });
  });
  source.start();
  await ended;
  return Math.round((context.currentTime - began) * 1000);
}
