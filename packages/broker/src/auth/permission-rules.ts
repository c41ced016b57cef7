/** Subjects that are allowed and denied. */
export interface SubjectRules {
  /** Filters of what is allowed; absent or empty: everything. */
  readonly allow?: readonly string[];
  /** Filters of what is denied although it is allowed. */
  readonly deny?: readonly string[];
}

/** How many answers to a request may be published, and for how long, where publishing is not allowed otherwise. */
export interface ResponseRules {
  /** Answers to one request; -1: any number. */
  readonly max: number;
  /** Time after the request; Infinity: for ever. */
  readonly expiresMs: number;
}

/** What a user may publish and subscribe to. Where a rule is absent everything is allowed. */
export interface PermissionRules {
  readonly publish?: SubjectRules;
  /** Entries are "subject", or "subject queue" for the members of the queue groups of that name. */
  readonly subscribe?: SubjectRules;
  /** With it, nothing may be published but what `publish` allows by name, and answers to requests. */
  readonly responses?: ResponseRules;
}

/** Source: nats-server const.go `DEFAULT_ALLOW_RESPONSE_MAX_MSGS`, `DEFAULT_ALLOW_RESPONSE_EXPIRATION`. */
export const DEFAULT_RESPONSE_RULES: ResponseRules = Object.freeze({ max: 1, expiresMs: 120_000 });
