import * as z from "zod";
import type { Schema } from "./spec.js";

/**
 * Why a schema cannot be used on the wire, undefined when it can. The wire carries the schema's input as JSON, so
 * the input must be describable as JSON Schema, and decoded values must be encodable again.
 *
 * @returns words that continue "<name> …".
 */
export function wireFault(schema: Schema): string | undefined {
  if (!(schema instanceof z.ZodType)) return "is no zod schema";
  if (isNothing(schema)) return undefined;
  let oneWay = false;
  try {
    z.toJSONSchema(schema, {
      io: "input",
      override: ({ zodSchema }) => {
        oneWay ||= isOneWay(zodSchema);
      },
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `is not JSON (${reason}): use a codec, such as z.codec(z.iso.datetime(), z.date(), { … })`;
  }
  if (!oneWay) return undefined;
  return "holds a one-way transform, which cannot be encoded: use z.codec with both directions";
}

/** `z.void()` and `z.undefined()` stand for an empty body. */
export function isNothing(schema: Schema): boolean {
  return schema._zod.def.type === "void" || schema._zod.def.type === "undefined";
}

/** `.transform()` and `z.preprocess()` are pipes with a transform at one end; codecs know both directions. */
function isOneWay(schema: z.core.$ZodType): boolean {
  const def = schema._zod.def;
  if (def.type === "transform" || def.type === "success" || def.type === "promise") return true;
  if (def.type !== "pipe") return false;
  const pipe = def as z.core.$ZodPipeDef;
  return pipe.reverseTransform === undefined && (isOneWay(pipe.in) || isOneWay(pipe.out));
}

/** What happens to a value on its way through a schema. */
export interface Conversions {
  /** Decoded values have another form than the wire's: they must be encoded before they are sent. */
  readonly encodes: boolean;
  /** Decoding may change a value that fits: codecs, defaults, coercion. */
  readonly decodes: boolean;
}

/** Looks for conversions anywhere in a schema. */
export function conversionsOf(schema: Schema): Conversions {
  let encodes = false;
  let decodes = false;
  if (isNothing(schema)) return { encodes, decodes };
  z.toJSONSchema(schema, {
    io: "input",
    override: ({ zodSchema: { _zod } }) => {
      encodes ||= _zod.def.type === "pipe";
      decodes ||= DECODING.has(_zod.def.type) || (_zod.def as { readonly coerce?: boolean }).coerce === true;
    },
  });
  return { encodes, decodes };
}

const DECODING: ReadonlySet<string> = new Set(["pipe", "default", "prefault", "catch"]);
