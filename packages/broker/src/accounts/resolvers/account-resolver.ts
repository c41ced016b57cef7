/** Where a broker in operator mode gets the JWTs of accounts from. */
export interface AccountResolver extends AsyncDisposable {
  /** Keeps what {@link AccountResolver.store} is given. */
  readonly isWritable: boolean;
  /**
   * The JWT of an account.
   *
   * @param key - public key of the account.
   * @returns undefined when the resolver does not have it.
   * @throws GanglionError `ACCOUNT_UNRESOLVED` when it cannot tell.
   */
  fetch(key: string): Promise<string | undefined>;
  /** Keeps a JWT, unless it has a newer one. Only where {@link AccountResolver.isWritable}. */
  store(key: string, token: string): Promise<void>;
}
