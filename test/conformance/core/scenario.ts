/** How the server of a scenario is set up. Scenarios with equal settings share a server. */
export interface ServerSettings {
  readonly maxPayloadBytes?: number;
  readonly maxControlLineBytes?: number;
  readonly maxConnections?: number;
  readonly maxSubscriptions?: number;
  readonly maxPendingBytes?: number;
  readonly authTimeoutMs?: number;
  readonly pingIntervalMs?: number;
  readonly maxPingsOut?: number;
  readonly user?: string;
  readonly pass?: string;
  readonly token?: string;
}

/** What a client does next. */
export interface Step {
  /** Which client; it connects with its first step. */
  readonly client: number;
  /** What it sends; the pieces are written one after another. Text is Latin-1. */
  readonly sends: readonly string[];
  /** Whether it is expected to stay silent until the server closes. By default a PING follows, which must be answered unless the server closes. */
  readonly waits?: boolean;
}

/**
 * A scripted conversation with a server. After each step its client waits until the server has dealt with it: until
 * a PING is answered or the connection is closed. What the clients have received must be equal on every server.
 */
export interface Scenario {
  readonly name: string;
  readonly settings: ServerSettings;
  readonly steps: readonly Step[];
  /** Why the reference, nats-server 2.9.10, does something else; undefined when it does not. */
  readonly differs?: string;
}

export const QUIET = 'CONNECT {"verbose":false,"pedantic":false,"protocol":1}\r\n';
export const PEDANTIC = 'CONNECT {"verbose":false,"pedantic":true}\r\n';
export const NO_ECHO = 'CONNECT {"verbose":false,"echo":false}\r\n';
export const HEADERS = 'CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n';

/** A scenario in which the reference does something else. */
export function differing(reason: string, scenario: Scenario): Scenario {
  return { ...scenario, differs: reason };
}

/** One client that sends `text`, in pieces when it is an array. */
export function says(
  name: string,
  text: string | readonly string[],
  settings: ServerSettings = {},
): Scenario {
  return { name, settings, steps: [{ client: 0, sends: typeof text === "string" ? [text] : text }] };
}

/** One client that sends `text` one byte at a time. */
export function dribbles(name: string, text: string): Scenario {
  return says(name, [...text]);
}

/** One client that sends `text` and then waits for the server to close. */
export function waits(name: string, text: string, settings: ServerSettings = {}): Scenario {
  return { name, settings, steps: [{ client: 0, sends: [text], waits: true }] };
}

/** Several clients, by number, that take turns. */
export function talk(name: string, ...turns: readonly (readonly [client: number, text: string])[]): Scenario {
  return talkOn({}, name, ...turns);
}

/** Several clients that take turns on a server with settings. */
export function talkOn(
  settings: ServerSettings,
  name: string,
  ...turns: readonly (readonly [client: number, text: string])[]
): Scenario {
  return { name, settings, steps: turns.map(([client, text]) => ({ client, sends: [text] })) };
}

/** PUB of a payload, its size counted. */
export function pub(subject: string, payload: string): string {
  return `PUB ${subject} ${payload.length}\r\n${payload}\r\n`;
}

/** HPUB of a header block and a payload, their sizes counted. */
export function hpub(subject: string, block: string, payload = ""): string {
  return `HPUB ${subject} ${block.length} ${block.length + payload.length}\r\n${block}${payload}\r\n`;
}
