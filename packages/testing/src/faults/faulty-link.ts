import type { Socket } from "node:net";
import type { Clock, Timer } from "@ganglion/kernel";
import { type FaultRules, messageOf, PASS, type Verdict } from "./fault-rules.js";
import { OperationSplitter, type WireOperation } from "./operation-splitter.js";

/** Decides about one operation. */
type Decide = (operation: WireOperation) => Verdict;

/** One direction of a connection: operations keep their order, also behind one that is late. */
class Lane {
  private readonly splitter = new OperationSplitter();
  private waiting: WireOperation[] = [];
  private timer: Timer | undefined;

  private readonly from: Socket;
  private readonly to: Socket;

  constructor(
    private readonly link: FaultyLink,
    [from, to]: readonly [Socket, Socket],
    private readonly decide: Decide,
  ) {
    this.from = from;
    this.to = to;
    from.on("data", (chunk: Buffer) => {
      this.waiting.push(...this.splitter.feed(chunk));
      this.proceed();
    });
    to.on("drain", () => from.resume());
  }

  stop(): void {
    this.timer?.cancel();
    this.waiting = [];
  }

  private proceed(): void {
    while (this.timer === undefined) {
      const operation = this.waiting.shift();
      if (operation === undefined) return;
      const verdict = this.decide(operation);
      if (verdict.kind === "cut") this.link.cut();
      else if (verdict.kind === "delay") this.hold(operation, verdict.delayMs);
      else if (verdict.kind === "pass") this.forward(operation);
    }
  }

  private hold(operation: WireOperation, delayMs: number): void {
    this.timer = this.link.clock.schedule(delayMs, () => {
      this.timer = undefined;
      this.forward(operation);
      this.proceed();
    });
  }

  private forward({ bytes }: WireOperation): void {
    if (!this.to.destroyed && !this.to.write(bytes)) this.from.pause();
  }
}

/** One client's connection through the proxy. */
export class FaultyLink {
  /** What the client calls itself; empty before CONNECT. */
  name = "";
  private readonly lanes: readonly Lane[];

  constructor(
    private readonly sockets: { readonly client: Socket; readonly broker: Socket },
    private readonly rules: FaultRules,
    readonly clock: Clock,
  ) {
    const { client, broker } = sockets;
    this.lanes = [
      new Lane(this, [client, broker], (operation) => this.fromClient(operation)),
      new Lane(this, [broker, client], (operation) => this.decide(operation)),
    ];
    for (const socket of [client, broker]) {
      socket.on("error", () => this.cut());
      socket.on("close", () => this.cut());
    }
  }

  /** Ends both sides at once, as when a cable is pulled and plugged in again. */
  cut(): void {
    for (const lane of this.lanes) lane.stop();
    this.sockets.client.destroy();
    this.sockets.broker.destroy();
  }

  private fromClient(operation: WireOperation): Verdict {
    if (operation.verb === "CONNECT") this.name = nameIn(operation);
    return this.decide(operation);
  }

  private decide(operation: WireOperation): Verdict {
    const message = messageOf(operation);
    return message === undefined ? PASS : this.rules.decide({ ...message, connection: this.name });
  }
}

function nameIn({ bytes }: WireOperation): string {
  const json = bytes.toString("utf8").replace(/^\s*\S+\s*/, "");
  try {
    const { name } = JSON.parse(json) as { name?: unknown };
    return typeof name === "string" ? name : "";
  } catch {
    return ""; // the broker says what is wrong with it
  }
}
