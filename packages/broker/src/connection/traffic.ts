/** Messages and bytes, as seen from the broker. */
export interface Traffic {
  inMessages: number;
  inBytes: number;
  outMessages: number;
  outBytes: number;
}

/** Nothing yet. */
export function noTraffic(): Traffic {
  return { inMessages: 0, inBytes: 0, outMessages: 0, outBytes: 0 };
}

/** Adds `part` to `sum`. */
export function addTraffic(sum: Traffic, part: Readonly<Traffic>): void {
  sum.inMessages += part.inMessages;
  sum.inBytes += part.inBytes;
  sum.outMessages += part.outMessages;
  sum.outBytes += part.outBytes;
}
