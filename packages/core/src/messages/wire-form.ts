import * as z from "zod";
import type { Schema } from "../contract/spec.js";
import { conversionsOf, isNothing } from "../contract/wire-fault.js";

/** One problem of a value: where, and what. */
export interface Issue {
  /** Such as `items[2].sku`; empty for the value itself. */
  readonly path: string;
  readonly message: string;
}

/**
 * Moves values of one schema to and from the wire: senders encode, receivers decode, once each. Unknown keys that
 * the schema strips never reach the wire.
 */
export class WireForm {
  private readonly schema: Schema;
  private readonly converting: boolean;
  private readonly nothing: boolean;
  private readonly checking: boolean;

  /** @param validate - false skips the check where decoding would not change the value anyway. */
  constructor(schema: Schema, validate: boolean) {
    const { encodes, decodes } = conversionsOf(schema);
    this.converting = encodes;
    this.nothing = isNothing(schema);
    this.checking = validate || decodes;
    this.schema = z.compile(schema);
  }

  /** The JSON of a value; empty for nothing. @throws InvalidValue */
  encodeText(value: unknown): string {
    if (this.nothing) return "";
    const wire = this.toWire(value);
    return JSON.stringify(wire) ?? ""; // JSON has no word for undefined: an empty body it is
  }

  private toWire(value: unknown): unknown {
    if (!this.checking) return value;
    const checked = z.safeParse(this.schema, value);
    if (!checked.success) throw new InvalidValue(issuesOf(checked.error));
    return this.converting ? z.encode(this.schema, checked.data) : checked.data;
  }

  /** Reads JSON and decodes it. @throws InvalidValue */
  decode(json: string | Uint8Array): unknown {
    if (this.nothing) return undefined;
    return this.check(parseJson(typeof json === "string" ? json : textOf(json)));
  }

  /** Decodes a value that was already parsed. @throws InvalidValue */
  check(value: unknown): unknown {
    if (!this.checking) return value;
    const checked = z.safeParse(this.schema, value);
    if (!checked.success) throw new InvalidValue(issuesOf(checked.error));
    return checked.data;
  }
}

/** Carries the issues of a value to the place that knows what the value was for, and makes an error of them. */
export class InvalidValue extends Error {
  constructor(readonly issues: readonly Issue[]) {
    super();
  }

  /** The issues in one line. */
  get summary(): string {
    return this.issues.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)).join("; ");
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
}

function parseJson(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidValue([
      { path: "", message: `no JSON: ${error instanceof Error ? error.message : error}` },
    ]);
  }
}

function issuesOf(error: z.core.$ZodError): readonly Issue[] {
  return error.issues.map((issue) => ({ path: z.core.toDotPath(issue.path), message: issue.message }));
}
