import { Duplex } from "node:stream";

/** One end of a connection inside the process. What is written to one end can be read at the other. */
class InProcessSocket extends Duplex {
  peer: InProcessSocket | undefined;
  private pendingRead: (() => void) | undefined;

  constructor() {
    super({ allowHalfOpen: false });
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    const peer = this.peer;
    // The writer may use its memory again as soon as the write is done, so the peer gets a copy.
    if (peer === undefined || peer.destroyed || peer.push(Buffer.from(chunk))) callback();
    else peer.pendingRead = callback;
  }

  override _read(): void {
    const callback = this.pendingRead;
    this.pendingRead = undefined;
    callback?.();
  }

  override _final(callback: () => void): void {
    this.peer?.push(null);
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const peer = this.peer;
    this.peer = undefined;
    this._read();
    if (peer !== undefined && !peer.readableEnded && !peer.destroyed) peer.push(null);
    callback(error);
  }
}

/** Creates the two ends of a connection inside the process. */
export function inProcessPair(): readonly [Duplex, Duplex] {
  const client = new InProcessSocket();
  const server = new InProcessSocket();
  client.peer = server;
  server.peer = client;
  return [client, server];
}
