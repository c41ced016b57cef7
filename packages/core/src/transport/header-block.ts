import { protocolError } from "@ganglion/protocol";

/** One header line: name and value. */
export type HeaderEntry = readonly [name: string, value: string];

/** Printable ASCII without colon and space. Source: ADR-4, "Header field names". */
const NAME = /^[!-9;-~]+$/;
/** Anything that would end the line, or a lone NUL. */
const LINE_BREAK = /[\r\n\0]/;

/**
 * The headers of an outgoing message in wire form, ready to be sent. Immutable: hot paths make the constant part
 * once and add the lines that change.
 *
 * Source: ADR-4 (NATS Message Headers).
 */
export class HeaderBlock {
  /** `NATS/1.0`, one line for each header, an empty line. */
  readonly text: string;
  /** Size in UTF-8. */
  readonly sizeBytes: number;

  /** @param lines - header lines, each with its line end. They are not checked: see {@link headerLine}. */
  constructor(readonly lines: string) {
    this.text = `NATS/1.0\r\n${lines}\r\n`;
    this.sizeBytes = Buffer.byteLength(this.text);
  }

  /** @throws GanglionError `INVALID_HEADER` */
  static of(headers: HeaderBlock | readonly HeaderEntry[]): HeaderBlock {
    return headers instanceof HeaderBlock ? headers : new HeaderBlock(headerLines(headers));
  }

  /** A block with further lines. They are not checked: see {@link headerLine}. */
  with(lines: string): HeaderBlock {
    return lines === "" ? this : new HeaderBlock(this.lines + lines);
  }
}

/** One checked header line with its line end. @throws GanglionError `INVALID_HEADER` */
export function headerLine(name: string, value: string): string {
  if (NAME.test(name) && !LINE_BREAK.test(value)) return `${name}: ${value}\r\n`;
  throw protocolError(
    "INVALID_HEADER",
    `Invalid header ${JSON.stringify(name)}: a name is printable ASCII without ":" and spaces, a value has no line break`,
    { details: { name } },
  );
}

/** The lines of those headers that can be sent: what a stranger has sent may hold what nobody may send. */
export function sendableLines(entries: readonly HeaderEntry[]): string {
  return headerLines(entries.filter(([name, value]) => NAME.test(name) && !LINE_BREAK.test(value)));
}

/** Checked header lines. @throws GanglionError `INVALID_HEADER` */
export function headerLines(entries: readonly HeaderEntry[]): string {
  let lines = "";
  for (const [name, value] of entries) lines += headerLine(name, value);
  return lines;
}
