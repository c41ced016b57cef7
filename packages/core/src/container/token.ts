/** Names a dependency that is no class, such as an interface or a configuration. */
export interface Token<T> {
  readonly description: string;
  /** Carries the type; never set. */
  readonly $type?: T;
}

/** What a dependency is asked for by: a class, also an abstract one, or a token. */
export type Injectable<T> = Token<T> | (abstract new (...args: never[]) => T);

/**
 * Makes a token.
 *
 * @example const Database = token<Kysely<Schema>>("Database");
 */
export function token<T>(description: string): Token<T> {
  return Object.freeze({ description });
}

/** How a dependency is called in errors. */
export function nameOf(injectable: Injectable<unknown>): string {
  return typeof injectable === "function" ? injectable.name || "(anonymous class)" : injectable.description;
}
