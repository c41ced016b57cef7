import { brokerError } from "../errors.js";

/** What a request asks with is wrong. The texts are nats-server's. */
export function badRequest(text: string) {
  return brokerError("INVALID_MONITORING_REQUEST", text);
}

/** The query of a request. Source: nats-server monitor.go `decodeBool`, `decodeInt`, `decodeUint64`. */
export class MonitoringQuery {
  constructor(private readonly parameters: URLSearchParams) {}

  text(name: string): string {
    return this.parameters.get(name) ?? "";
  }

  /** @throws GanglionError `INVALID_MONITORING_REQUEST`. */
  flag(name: string): boolean {
    const text = this.text(name);
    if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
    if (text === "" || /^(0|f|F|FALSE|false|False)$/.test(text)) return false;
    throw this.wrong(name, "boolean", "ParseBool");
  }

  /** @throws GanglionError `INVALID_MONITORING_REQUEST`. */
  integer(name: string): number {
    const text = this.text(name);
    if (text === "") return 0;
    if (!/^[+-]?\d+$/.test(text)) throw this.wrong(name, "int", "Atoi");
    if (!Number.isSafeInteger(Number(text))) throw this.wrong(name, "int", "Atoi", "value out of range");
    return Number(text);
  }

  /** @throws GanglionError `INVALID_MONITORING_REQUEST`. */
  count(name: string): number {
    const text = this.text(name);
    if (text === "") return 0;
    if (!/^\d+$/.test(text)) throw this.wrong(name, "uint64", "ParseUint");
    return Number(text);
  }

  /** `subs`: none, the subjects, or everything about them. */
  subscriptions(): "none" | "subjects" | "details" {
    if (this.text("subs").toLowerCase() === "detail") return "details";
    return this.flag("subs") ? "subjects" : "none";
  }

  // biome-ignore lint/complexity/useMaxParams: the four parts of one message text
  private wrong(name: string, type: string, parser: string, fault = "invalid syntax") {
    const given = JSON.stringify(this.text(name));
    return badRequest(`Error decoding ${type} for '${name}': strconv.${parser}: parsing ${given}: ${fault}`);
  }
}
