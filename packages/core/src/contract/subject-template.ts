import { protocolError } from "@ganglion/protocol";

/**
 * Names of the `{tokens}` of a subject template, as an object type: `"orders.{region}.created"` gives
 * `{ region: string }`.
 */
export type TemplateParams<S extends string> = S extends `${infer Head}.${infer Tail}`
  ? TemplateParams<Head> & TemplateParams<Tail>
  : S extends `{${infer Name}}`
    ? { readonly [K in Name]: string }
    : unknown;

/** Values of a template's tokens. */
export type SubjectParams = Readonly<Record<string, string>>;

const NAMED_TOKEN = /^\{([A-Za-z_][A-Za-z0-9_]*)\}$/;
/** A token of a subject that can be published to: no separators, wildcards, braces or white space. */
const LITERAL_TOKEN = /^[^\s.*>{}]+$/;

/**
 * A subject with named tokens, such as `orders.{region}.created`. Tokens may also be `*`, and the last one `>`:
 * such a template can be listened on, and not be sent to.
 */
export class SubjectTemplate {
  /** What to subscribe to: named tokens become `*`. */
  readonly pattern: string;
  readonly paramNames: readonly string[];
  /** False when it holds `*` or `>`, so that there is no single subject to send to. */
  readonly sendable: boolean;
  private readonly tokens: readonly string[];
  private readonly nameByIndex: ReadonlyMap<number, string>;

  /** @throws GanglionError `INVALID_SUBJECT` */
  constructor(readonly template: string) {
    this.tokens = template.split(".");
    const names = new Map<number, string>();
    for (const [index, token] of this.tokens.entries()) {
      const name = NAMED_TOKEN.exec(token)?.[1];
      if (name !== undefined) names.set(index, name);
      else if (
        token === ">" ? index !== this.tokens.length - 1 : token !== "*" && !LITERAL_TOKEN.test(token)
      ) {
        throw protocolError(
          "INVALID_SUBJECT",
          `Invalid subject ${JSON.stringify(template)}: token ${JSON.stringify(token)} must be text without spaces, {name}, * or a final >`,
          { details: { subject: template, token } },
        );
      }
    }
    this.paramNames = [...names.values()];
    if (new Set(this.paramNames).size !== this.paramNames.length) {
      throw protocolError("INVALID_SUBJECT", `Subject ${JSON.stringify(template)} names a token twice`);
    }
    this.nameByIndex = names;
    this.pattern = this.tokens.map((token, index) => (names.has(index) ? "*" : token)).join(".");
    this.sendable = !this.tokens.some((token) => token === "*" || token === ">");
  }

  /**
   * The subject for these values.
   *
   * @throws GanglionError `INVALID_SUBJECT` for missing values, values that are no single token, and wildcards.
   */
  render(params: SubjectParams | undefined): string {
    if (!this.sendable) {
      throw protocolError(
        "INVALID_SUBJECT",
        `${this.template} holds wildcards: it can be listened on, not sent to`,
      );
    }
    if (this.nameByIndex.size === 0) return this.template;
    return this.tokens.map((token, index) => this.renderToken(token, index, params)).join(".");
  }

  private renderToken(token: string, index: number, params: SubjectParams | undefined): string {
    const name = this.nameByIndex.get(index);
    if (name === undefined) return token;
    const value = params?.[name];
    if (value !== undefined && LITERAL_TOKEN.test(value)) return value;
    throw protocolError(
      "INVALID_SUBJECT",
      `Subject ${this.template} needs the parameter ${name} as one token without spaces, dots, * and >, not ${JSON.stringify(value)}`,
      { details: { subject: this.template, name, value } },
    );
  }

  /** The values of the named tokens in a subject this template matches. */
  params(subject: string): SubjectParams {
    if (this.nameByIndex.size === 0) return NO_PARAMS;
    const tokens = subject.split(".");
    const params: Record<string, string> = {};
    for (const [index, name] of this.nameByIndex) params[name] = tokens[index] ?? "";
    return params;
  }
}

const NO_PARAMS: SubjectParams = Object.freeze({});
