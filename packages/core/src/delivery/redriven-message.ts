import { DEAD_LETTER } from "../messages/header-names.js";
import type { ConsumedMessage, IncomingHeaders } from "../transport/message.js";

/**
 * A dead letter on its way back to the method that could not handle it: to the method it looks like the message it
 * was, and its outcome settles the letter.
 */
export class RedrivenMessage implements ConsumedMessage {
  readonly subject: string;
  readonly stream: string;
  readonly sequence: number;
  readonly consumer: string;

  /**
   * @param redriven - the message that carries the letter.
   * @param through - called when the outcome is final, before the carrier is settled.
   */
  constructor(
    private readonly redriven: ConsumedMessage,
    private readonly through: () => Promise<void>,
  ) {
    const header = (name: string) => redriven.headers.get(name) ?? "";
    this.subject = header(DEAD_LETTER.subject);
    this.stream = header(DEAD_LETTER.stream);
    this.sequence = Number(header(DEAD_LETTER.sequence));
    this.consumer = header(DEAD_LETTER.consumer);
  }

  /** Tells this redrive from others of the same message. */
  get redriveId(): string {
    return String(this.redriven.sequence);
  }
  get headers(): IncomingHeaders {
    return this.redriven.headers;
  }
  get data(): Uint8Array {
    return this.redriven.data;
  }
  text(): string {
    return this.redriven.text();
  }
  get timestampMs(): number {
    return this.redriven.timestampMs;
  }
  get deliveryCount(): number {
    return this.redriven.deliveryCount;
  }
  get pending(): number {
    return this.redriven.pending;
  }
  get settled(): boolean {
    return this.redriven.settled;
  }
  ack(): void {
    void this.end(() => this.redriven.ack());
  }
  async ackDurable(options?: { readonly timeoutMs?: number }): Promise<void> {
    await this.through();
    await this.redriven.ackDurable(options);
  }
  nak(delayMs?: number): void {
    this.redriven.nak(delayMs);
  }
  term(reason?: string): void {
    void this.end(() => this.redriven.term(reason));
  }
  working(): void {
    this.redriven.working();
  }

  /** When the letter cannot be removed, the carrier comes again, and the outcome with it. */
  private async end(settle: () => void): Promise<void> {
    try {
      await this.through();
    } catch {
      this.redriven.nak(REMOVAL_RETRY_MS);
      return;
    }
    settle();
  }
}

const REMOVAL_RETRY_MS = 5_000;
