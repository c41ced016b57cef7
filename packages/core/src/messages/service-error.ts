import { GanglionError, type GanglionErrorOptions } from "@ganglion/kernel";

/**
 * An error an endpoint declared: thrown by its handler, and thrown again, with the same code and data, where it was
 * called.
 */
export class ServiceError<Code extends string = string, Data = unknown> extends GanglionError<Code> {
  /** Data of the declared error's schema. */
  readonly data: Data;

  constructor(code: Code, message: string, options: GanglionErrorOptions & { readonly data: Data }) {
    super(code, message, options);
    this.name = "ServiceError";
    this.data = options.data;
  }
}
