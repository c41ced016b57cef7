import type { Candidate } from "./connz.js";

type Compare = (a: Candidate, b: Candidate) => number;

/** Compares a figure, the largest first. */
function descending(figure: (candidate: Candidate) => number): Compare {
  return (a, b) => figure(b) - figure(a);
}

/** Orders of /connz. Source: nats-server monitor_sort_opts.go. */
const COMPARISONS = {
  cid: (a, b) => a.facts.id - b.facts.id,
  start: (a, b) => a.facts.id - b.facts.id,
  subs: descending(({ facts }) => facts.subscriptionCount),
  pending: descending(({ facts }) => facts.pendingBytes),
  msgs_to: descending(({ facts }) => facts.outMessages),
  msgs_from: descending(({ facts }) => facts.inMessages),
  bytes_to: descending(({ facts }) => facts.outBytes),
  bytes_from: descending(({ facts }) => facts.inBytes),
  last: descending(({ facts }) => facts.lastActivityUs),
  idle: descending(({ facts }) => facts.idleMs),
  uptime: (a, b) => a.facts.openForMs - b.facts.openForMs,
  stop: descending(({ closed }) => closed?.stoppedUs ?? 0),
  reason: (a, b) => compareTexts(a.closed?.reason ?? "", b.closed?.reason ?? ""),
  rtt: descending(({ facts }) => facts.rttMs ?? 0),
} as const satisfies Readonly<Record<string, Compare>>;

/** What /connz can be sorted by. */
export type ConnzSort = keyof typeof COMPARISONS;

export function isConnzSort(text: string): text is ConnzSort {
  return Object.hasOwn(COMPARISONS, text);
}

export function comparison(sort: ConnzSort): Compare {
  return COMPARISONS[sort];
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
