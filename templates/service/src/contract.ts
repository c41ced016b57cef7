import { contract, event, rpc } from "@ganglion/core";
import * as z from "zod";

/** What this service offers. Callers need this file and nothing else of the service. */
export const Greetings = contract("greetings", {
  version: "0.1.0",
  greet: rpc({
    input: z.object({ name: z.string().min(1) }),
    output: z.object({ message: z.string() }),
    errors: { NOT_WELCOME: z.object({ name: z.string() }) },
  }),
  /** Stored in the stream `greetings-events`: subscribers may be down when it happens. */
  greeted: event({ data: z.object({ name: z.string() }), key: (greeted) => greeted.name }),
});
