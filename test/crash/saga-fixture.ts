import type { Transport } from "@ganglion/core/internal";
import { GanglionError } from "@ganglion/kernel";
import { type CompensationContext, Saga, type SagaContext, Step, type StepContext } from "@ganglion/saga";
import * as z from "zod";

/** Subject of the participant that keeps the ledger of effects. */
export const PARTICIPANT = "ledger.apply";

export const Input = z.object({ n: z.number() });
type Input = z.output<typeof Input>;

/** What the participant answers. */
export interface Answer {
  readonly refused?: string;
}

/** How the steps below reach the participant; set by the process that runs them. */
export const connection: { transport: Transport | undefined } = { transport: undefined };

async function apply(ctx: SagaContext<Input>): Promise<string> {
  const data = new TextEncoder().encode(ctx.key);
  const reply = await connection.transport?.request(PARTICIPANT, data, {
    timeoutMs: Math.max(1, Math.min(400, ctx.remainingMs())),
    signal: ctx.signal,
  });
  const answer = JSON.parse(new TextDecoder().decode(reply?.data)) as Answer;
  if (answer.refused !== undefined) throw ctx.reject(answer.refused);
  return ctx.key;
}

const RETRY = { attempts: 4, backoff: "exponential(20ms, 500ms)" } as const;
/** A broker that is being restarted must not leave a compensation undone. */
const PATIENT = { attempts: 1_000, backoff: "exponential(20ms, 300ms)" } as const;

@Saga("voyage", { input: Input, lease: "1s", concurrency: 32 })
export class Voyage {
  @Step({ compensate: "undoTrain", retry: RETRY, compensateRetry: PATIENT, timeout: "2s" })
  train(ctx: StepContext<Input>) {
    return apply(ctx);
  }
  undoTrain(ctx: CompensationContext<Input>) {
    return apply(ctx);
  }

  @Step({ after: ["train"], compensate: "undoHotel", retry: RETRY, compensateRetry: PATIENT, timeout: "2s" })
  hotel(ctx: StepContext<Input, Voyage, "train">) {
    if (!ctx.results.train.endsWith(":train")) throw new GanglionError("UNREACHABLE", "wrong result");
    return apply(ctx);
  }
  undoHotel(ctx: CompensationContext<Input>) {
    return apply(ctx);
  }

  @Step({ after: ["train"], compensate: "undoCar", retry: RETRY, compensateRetry: PATIENT, timeout: "2s" })
  car(ctx: StepContext<Input>) {
    return apply(ctx);
  }
  undoCar(ctx: CompensationContext<Input>) {
    return apply(ctx);
  }

  @Step({ waitFor: "packed", timeout: "4s", onTimeout: "unpacked" })
  packed() {
    return true;
  }
  unpacked() {
    return false;
  }

  @Step({ compensate: "undoTicket", retry: RETRY, compensateRetry: PATIENT, timeout: "2s" })
  ticket(ctx: StepContext<Input>) {
    return apply(ctx);
  }
  undoTicket(ctx: CompensationContext<Input>) {
    return apply(ctx);
  }
}
