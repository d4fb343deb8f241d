/** What TypeScript's DOM library leaves out of the worklet's scope. */
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare function registerProcessor(name: string, processor: new (options: { processorOptions?: unknown }) => AudioWorkletProcessor): void;
declare const currentFrame: number;
declare const sampleRate: number;
