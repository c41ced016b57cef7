/** What a load process is to do. */
export interface ClientJob {
  readonly url: string;
  readonly seconds: number;
  /** Operations on their way at a time. */
  readonly inFlight: number;
}

/** What a load process measured. */
export interface ClientReport {
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Processor time of the load process for each operation. */
  readonly cpuUs: number;
  /** Operations in all, those of the warm-up included. */
  readonly operations: number;
}

/** Input and output of the call, the same for everyone: about 100 bytes of JSON each way. */
export const INPUT = {
  sku: "shirt-blue-xl",
  quantity: 3,
  customer: "c-4711",
  note: "leave it at the door, please",
};
export const output = (quantity: number) => ({
  id: "o-000000000042",
  status: "accepted",
  total: quantity * 1999,
  lines: quantity,
});
/** What a caller under trace sends along. */
export const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
