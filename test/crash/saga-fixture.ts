import { contract, rpc } from "@ganglion/core";
import { GanglionError } from "@ganglion/kernel";
import { type CompensationContext, Saga, type SagaContext, Step, type StepContext } from "@ganglion/saga";
import * as z from "zod";

/** The participant that keeps the ledger of effects. */
export const Participant = contract("participant", {
  version: "1.0.0",
  apply: rpc({
    input: z.object({ key: z.string() }),
    output: z.object({ key: z.string() }),
    errors: { REFUSED: z.object({}) },
    timeout: "400ms",
  }),
});

const Input = z.object({ n: z.number() });
type Input = z.output<typeof Input>;

async function apply(ctx: SagaContext<Input>): Promise<string> {
  const { key } = await ctx.call(
    Participant.apply,
    { key: ctx.key },
    { timeout: Math.min(400, ctx.remainingMs()) },
  );
  return key;
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
