import { always, type Decoder, fields, integer, optional, text } from "./json.js";

/** Body of a request for a page of a list. */
export interface PagedRequest {
  readonly offset: number;
  /** Only streams whose subjects overlap with it. */
  readonly subject?: string;
}

export const decodePagedRequest: Decoder<PagedRequest> = fields<PagedRequest>({
  offset: always(integer(), 0),
  subject: optional(text),
});

/** A page of a list with what tells its place. Source: nats-server jetstream_api.go `ApiPaged`. */
export interface Page<T> {
  readonly paging: { readonly total: number; readonly offset: number; readonly limit: number };
  readonly items: readonly T[];
}

/** Cuts the page that begins at `offset` out of a list. */
export function pageOf<T>(all: readonly T[], offset: number, limit: number): Page<T> {
  const start = Math.min(Math.max(0, offset), all.length);
  return {
    paging: { total: all.length, offset: start, limit },
    items: all.slice(start, start + limit),
  };
}

/** Paging of a response that carries an error. */
export const NO_PAGE = { total: 0, offset: 0, limit: 0 };
