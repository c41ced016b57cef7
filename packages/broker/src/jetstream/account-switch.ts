import type { AccountLimits } from "@ganglion/protocol";
import type { AccountJetStreamConfig } from "../config/blocks/accounts.js";
import type { AccountBus } from "./account-bus.js";
import { NO_ACCOUNT_LIMITS } from "./account-limits.js";
import type { JetStream } from "./jetstream.js";
import { answerNotEnabled } from "./not-enabled.js";

/** JetStream of one account, on or off. */
interface SwitchState {
  /** Changed in place, so that what runs goes by it. Undefined: off. */
  limits: { -readonly [Name in keyof AccountLimits]: AccountLimits[Name] } | undefined;
  /** Ends the answers of an account that has no JetStream. */
  stopRefusing: (() => void) | undefined;
  /** Changes happen one after the other. */
  last: Promise<unknown>;
}

/** Turns JetStream of accounts on and off, and changes their limits while they run. */
export class AccountSwitch {
  private readonly states = new Map<string, SwitchState>();

  constructor(private readonly jetstream: JetStream) {}

  /** @param config - false: off. */
  set(bus: AccountBus, config: AccountJetStreamConfig | false): Promise<void> {
    const { accountName } = bus;
    const state = this.states.get(accountName) ?? {
      limits: undefined,
      stopRefusing: undefined,
      last: Promise.resolve(),
    };
    this.states.set(accountName, state);
    const change = state.last.then(() =>
      config === false ? this.off(bus, state) : this.on(bus, state, config),
    );
    state.last = change.catch(() => {});
    return change;
  }

  private async on(bus: AccountBus, state: SwitchState, config: AccountJetStreamConfig): Promise<void> {
    const limits = limitsOf(config);
    if (state.limits !== undefined) {
      Object.assign(state.limits, limits);
      return;
    }
    const own = { ...limits };
    await this.jetstream.enable(bus, own, config.tier);
    state.limits = own;
    state.stopRefusing?.();
    state.stopRefusing = undefined;
  }

  private async off(bus: AccountBus, state: SwitchState): Promise<void> {
    if (state.limits !== undefined) await this.jetstream.disable(bus.accountName);
    state.limits = undefined;
    state.stopRefusing ??= answerNotEnabled(bus);
  }
}

function limitsOf(config: AccountJetStreamConfig): AccountLimits {
  const none = NO_ACCOUNT_LIMITS;
  return {
    max_memory: config.maxMemoryBytes ?? none.max_memory,
    max_storage: config.maxStoreBytes ?? none.max_storage,
    max_streams: config.maxStreams ?? none.max_streams,
    max_consumers: config.maxConsumers ?? none.max_consumers,
    max_ack_pending: config.maxAckPending ?? none.max_ack_pending,
    memory_max_stream_bytes: config.memoryMaxStreamBytes ?? none.memory_max_stream_bytes,
    storage_max_stream_bytes: config.storeMaxStreamBytes ?? none.storage_max_stream_bytes,
    max_bytes_required: config.maxBytesRequired ?? none.max_bytes_required,
  };
}
