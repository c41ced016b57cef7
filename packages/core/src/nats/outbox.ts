/** Where an {@link Outbox} writes to: the writable side of a socket. */
export interface OutboxSink {
  /** @returns false when it wants no more until it drains. */
  write(data: string | Uint8Array, encoding?: "latin1" | "utf8"): boolean;
}

/** Text beyond this is written at once instead of at the end of the event loop's turn. */
const FLUSH_CHARS = 64 * 1024;

/** How long {@link Outbox.addSoon} may wait for more: a write costs as much as a hundred acknowledgements in it. */
const SOON_MS = 1;

/**
 * Collects what a connection sends and writes it once per turn of the event loop, after the turn's input has been
 * worked on: a burst of requests is answered with one write. While there is no sink, or it is full, it keeps what it
 * is given; whoever fills it looks at {@link Outbox.sizeBytes}.
 *
 * Frames are collected as text because joining strings is cheaper than copying many small buffers; the text is
 * turned into bytes by the socket.
 */
export class Outbox {
  private text = "";
  private ascii = true;
  private readonly chunks: Uint8Array[] = [];
  private chunkBytes = 0;
  private scheduled = false;
  private soon = false;
  private full = false;
  private sink: OutboxSink | undefined;

  /** About how much waits to be written. */
  get sizeBytes(): number {
    return this.chunkBytes + this.text.length;
  }

  /** @param isAscii - whether every character is below 128, which makes encoding cheaper. */
  add(text: string, isAscii: boolean): void {
    this.text += text;
    if (!isAscii) this.ascii = false;
    if (this.text.length >= FLUSH_CHARS) this.flush();
    else if (!this.scheduled) this.schedule();
  }

  /** Adds what may wait a moment; it is written with whatever is added next, or soon. */
  addSoon(text: string, isAscii: boolean): void {
    this.text += text;
    if (!isAscii) this.ascii = false;
    if (this.text.length >= FLUSH_CHARS) this.flush();
    else if (!this.scheduled && !this.soon) this.scheduleSoon();
  }

  addBytes(bytes: Uint8Array): void {
    this.seal();
    this.chunks.push(bytes);
    this.chunkBytes += bytes.length;
    if (this.chunkBytes >= FLUSH_CHARS) this.flush();
    else if (!this.scheduled) this.schedule();
  }

  /** Writes out what there is, if the sink takes it. */
  flush(): void {
    if (this.sink === undefined || this.full) return;
    if (this.chunks.length > 0) {
      this.seal();
      const joined = this.chunks.length === 1 ? (this.chunks[0] as Uint8Array) : Buffer.concat(this.chunks);
      this.chunks.length = 0;
      this.chunkBytes = 0;
      this.full = !this.sink.write(joined);
    } else if (this.text !== "") {
      const { text, ascii } = this;
      this.text = "";
      this.ascii = true;
      this.full = !this.sink.write(text, ascii ? "latin1" : "utf8");
    }
  }

  /** Connects it with a socket; what waits is written. */
  attach(sink: OutboxSink): void {
    this.sink = sink;
    this.full = false;
    this.flush();
  }

  /** Takes the socket away; what is added from now on waits. */
  detach(): void {
    this.sink = undefined;
  }

  /** The sink takes more. */
  drained(): void {
    this.full = false;
    this.flush();
  }

  /** Forgets what waits. */
  clear(): void {
    this.text = "";
    this.ascii = true;
    this.chunks.length = 0;
    this.chunkBytes = 0;
  }

  private seal(): void {
    if (this.text === "") return;
    const bytes = Buffer.from(this.text, this.ascii ? "latin1" : "utf8");
    this.chunks.push(bytes);
    this.chunkBytes += bytes.length;
    this.text = "";
    this.ascii = true;
  }

  private scheduleSoon(): void {
    this.soon = true;
    setTimeout(() => {
      this.soon = false;
      this.flush();
    }, SOON_MS);
  }

  private schedule(): void {
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.flush();
    });
  }
}
