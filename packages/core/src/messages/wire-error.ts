import { GanglionError, isGanglionError } from "@ganglion/kernel";
import { CORE_ERRORS, type CoreErrorCode, coreError } from "../errors.js";
import { HeaderBlock } from "../transport/header-block.js";
import type { IncomingMessage } from "../transport/message.js";
import type { RpcCodec } from "./endpoint-codec.js";
import { ERROR_CODE_HEADER, ERROR_TEXT_HEADER } from "./header-names.js";
import { ServiceError } from "./service-error.js";
import { InvalidValue } from "./wire-form.js";

/** An error as it travels. */
export interface ErrorReply {
  readonly headers: HeaderBlock;
  readonly body: string;
  /** The code that was sent, for metrics. */
  readonly code: string;
}

/** Body of an error reply. */
interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly data?: unknown;
  readonly retryable: boolean;
}

/** Numbers of the errors a service refuses a request with. They are HTTP's. */
const STATUS: Readonly<Partial<Record<CoreErrorCode, number>>> = {
  BAD_REQUEST: 400,
  VERSION_MISMATCH: 409,
  PAYLOAD_TOO_LARGE: 413,
  RATE_LIMITED: 429,
  CIRCUIT_OPEN: 503,
  OVERLOADED: 503,
  TIMEOUT: 504,
};
const DECLARED_STATUS = 422;
const INTERNAL_STATUS = 500;
/** The header repeats the body's message for those who look at headers only. */
const MAX_TEXT_CHARS = 500;

/** What a caller is told when its request is refused before, or instead of, a method running. */
export function encodeRefusal({
  code,
  message,
  retryable,
  details,
}: GanglionError<CoreErrorCode>): ErrorReply {
  return errorReply(STATUS[code] ?? INTERNAL_STATUS, { code, message, retryable, data: details });
}

/**
 * What a caller is told when a method failed. Declared errors keep code and data; everything else becomes
 * `INTERNAL` without a word about what happened inside.
 */
export function encodeFailure(error: unknown, codec: RpcCodec): ErrorReply {
  const form = error instanceof ServiceError ? codec.errors.get(error.code) : undefined;
  if (error instanceof ServiceError && form !== undefined) {
    try {
      return declared(error, form.encodeText(error.data));
    } catch (fault) {
      if (!(fault instanceof InvalidValue)) throw fault;
    }
  }
  const retryable = isGanglionError(error) && error.retryable;
  return errorReply(INTERNAL_STATUS, { code: "INTERNAL", message: CORE_ERRORS.INTERNAL, retryable });
}

/** The data is JSON already, written by its schema. */
function declared({ code, message, retryable }: ServiceError, data: string): ErrorReply {
  const head = JSON.stringify({ code, message, retryable });
  const body = data === "" ? head : `${head.slice(0, -1)},"data":${data}}`;
  return { headers: errorHeaders(DECLARED_STATUS, `${code}: ${message}`), body, code };
}

function errorReply(status: number, body: ErrorBody): ErrorReply {
  return {
    headers: errorHeaders(status, `${body.code}: ${body.message}`),
    body: JSON.stringify(body),
    code: body.code,
  };
}

function errorHeaders(status: number, text: string): HeaderBlock {
  return new HeaderBlock(
    `${ERROR_CODE_HEADER}: ${status}\r\n${ERROR_TEXT_HEADER}: ${text.slice(0, MAX_TEXT_CHARS).replace(/\s+/g, " ")}\r\n`,
  );
}

/** Whether a reply is an error. */
export function isErrorReply(message: IncomingMessage): boolean {
  return message.headers.get(ERROR_CODE_HEADER) !== undefined;
}

/**
 * The error in a reply: what the service declared, what Ganglion knows, or for services that are no Ganglion ones
 * an `INTERNAL` with what their headers say.
 *
 * @param codec - undefined when the endpoint's schemas are not known here.
 */
export function decodeError(
  message: IncomingMessage,
  endpoint: string,
  codec: RpcCodec | undefined,
): GanglionError {
  const body = parseBody(message.text());
  const text = message.headers.get(ERROR_TEXT_HEADER) ?? "";
  if (body === undefined) {
    return coreError("INTERNAL", `${endpoint} failed: ${text}`, {
      details: { endpoint, status: message.headers.get(ERROR_CODE_HEADER) },
    });
  }
  const { code, retryable, data } = body;
  const details = { endpoint };
  if (code in CORE_ERRORS) {
    const known = typeof data === "object" && data !== null ? data : {};
    return new GanglionError(code, `${endpoint}: ${body.message}`, {
      retryable,
      details: { ...known, ...details },
    });
  }
  const form = codec?.errors.get(code);
  if (codec !== undefined && form === undefined) {
    return coreError(
      "INTERNAL",
      `${endpoint} failed with ${code}, which its contract does not declare here`,
      {
        details: { ...details, code, message: body.message },
      },
    );
  }
  return new ServiceError(code, body.message, {
    retryable,
    details,
    data: form === undefined ? data : form.check(data),
  });
}

function parseBody(text: string): ErrorBody | undefined {
  try {
    const body = JSON.parse(text) as Partial<ErrorBody> | null;
    if (typeof body?.code !== "string" || typeof body.message !== "string") return undefined;
    return { ...body, code: body.code, message: body.message, retryable: body.retryable === true };
  } catch {
    return undefined;
  }
}
