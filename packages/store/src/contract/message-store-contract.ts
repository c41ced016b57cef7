import { isGanglionError, VirtualClock } from "@ganglion/kernel";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { accountedSizeBytes, type MessageStore, type StoreLimits } from "../message-store.js";
import type { StreamStore, StreamStoreOptions } from "../storage.js";
import { compareWithModel } from "./message-store-model.js";
import { RecordingListener, textMessage, UNLIMITED } from "./recording-listener.js";

/** Opens one empty stream store of the engine under test; the suite closes it. */
export type OpenStream = (options: StreamStoreOptions, clock: VirtualClock) => Promise<StreamStore>;

/** Closes a stream and opens it again from what is stored. */
export type ReopenStream = (
  stream: StreamStore,
  options: StreamStoreOptions,
  clock: VirtualClock,
) => Promise<StreamStore>;

/** What every {@link MessageStore} must do. @param reopen - for engines that keep their data. */
export function describeMessageStore(engine: string, openStream: OpenStream, reopen?: ReopenStream): void {
  describe(`${engine} message store`, () => {
    let clock: VirtualClock;
    let listener: RecordingListener;
    const opened: StreamStore[] = [];

    beforeEach(() => {
      clock = new VirtualClock();
      listener = new RecordingListener();
    });

    afterEach(async () => {
      for (const stream of opened.splice(0)) await stream.close();
    });

    async function open(limits: Partial<StoreLimits> = {}, initialSequence?: number): Promise<MessageStore> {
      const options = { limits: { ...UNLIMITED, ...limits }, listener };
      const stream = await openStream(
        initialSequence === undefined ? options : { ...options, initialSequence },
        clock,
      );
      opened.push(stream);
      return stream.messages;
    }

    describe("append", () => {
      it("returns ascending sequences at once and announces them as durable later", async () => {
        const store = await open();
        expect([1, 2, 3].map((n) => store.append(textMessage(`s.${n}`)))).toEqual([1, 2, 3]);
        expect([listener.durableSequence, store.durableSequence]).toEqual([0, 0]);
        await store.flush();
        expect([listener.durableSequence, store.durableSequence]).toEqual([3, 3]);
      });

      it("starts at the initial sequence", async () => {
        const store = await open({}, 5_000_000_000);
        expect(store.state()).toMatchObject({
          messages: 0,
          firstSequence: 5_000_000_000,
          lastSequence: 4_999_999_999,
        });
        expect(store.append(textMessage("s"))).toBe(5_000_000_000);
      });

      it("keeps a copy of the bytes it was given", async () => {
        const store = await open();
        const data = Buffer.from("before");
        store.append({ subject: "s", timestampUs: 1, headerSizeBytes: 0, data });
        data.fill("x");
        expect(text(store, 1)).toBe("before");
        await store.flush();
        expect(text(store, 1)).toBe("before");
      });

      it("takes a given sequence and leaves a gap, but never goes back", async () => {
        const store = await open();
        expect(store.append({ ...textMessage("s"), sequence: 10_000 })).toBe(10_000);
        expect(store.append(textMessage("s"))).toBe(10_001);
        expect(code(() => store.append({ ...textMessage("s"), sequence: 10_001 }))).toBe("SEQUENCE_USED");
        expect(store.state()).toMatchObject({ firstSequence: 10_000, lastSequence: 10_001, deletedCount: 0 });
      });

      it("takes a batch in as one, with sequences that follow each other", async () => {
        const store = await open();
        store.append(textMessage("s"));
        const batch = [
          textMessage("a", "1"),
          { ...textMessage("b", "2"), sequence: 99 },
          textMessage("c", "3"),
        ];
        expect(store.appendBatch(batch)).toBe(2);
        await store.flush();
        expect([2, 3, 4].map((sequence) => text(store, sequence))).toEqual(["1", "2", "3"]);
        expect(store.append(textMessage("s"))).toBe(5);
        expect(listener.durableSequence).toBe(4);
      });

      it("counts bytes as nats-server does", async () => {
        const store = await open();
        store.append({ subject: "ab", timestampUs: 1, headerSizeBytes: 0, data: Buffer.alloc(10) });
        store.append({ subject: "ab", timestampUs: 1, headerSizeBytes: 4, data: Buffer.alloc(10) });
        expect(store.state().bytes).toBe(accountedSizeBytes(2, 0, 10) + accountedSizeBytes(2, 4, 10));
        expect(store.state().bytes).toBe(34 + 38);
      });

      it("stores empty messages, headers, long and non-ASCII subjects as they came", async () => {
        const store = await open();
        const subjects = ["a", `long.${"x".repeat(4000)}`, "über.straße.☃"];
        for (const subject of subjects) {
          store.append({
            subject,
            timestampUs: 1_700_000_000_123_456,
            headerSizeBytes: 3,
            data: Buffer.from("abcde"),
          });
          store.append({
            subject,
            timestampUs: 1_700_000_000_123_456,
            headerSizeBytes: 0,
            data: Buffer.alloc(0),
          });
        }
        await store.flush();
        subjects.forEach((subject, index) => {
          const withHeaders = store.read(index * 2 + 1);
          expect(withHeaders).toMatchObject({
            subject,
            headerSizeBytes: 3,
            timestampUs: 1_700_000_000_123_456,
          });
          expect(Buffer.from(withHeaders?.data ?? []).toString()).toBe("abcde");
          expect(store.read(index * 2 + 2)).toMatchObject({
            subject,
            headerSizeBytes: 0,
            data: { length: 0 },
          });
        });
      });
    });

    describe("queries", () => {
      const subjects = ["orders.1.new", "orders.2.new", "orders.1.paid", "stock.1", "orders.1.new", "orders"];

      async function filled(): Promise<MessageStore> {
        const store = await open();
        subjects.forEach(
          (subject, index) => void store.append(textMessage(subject, subject, (index + 1) * 100)),
        );
        await store.flush();
        return store;
      }

      it.each<[readonly string[] | undefined, readonly number[]]>([
        [undefined, [1, 2, 3, 4, 5, 6]],
        [[">"], [1, 2, 3, 4, 5, 6]],
        [["orders.1.new"], [1, 5]],
        [["orders.*.new"], [1, 2, 5]],
        [["orders.>"], [1, 2, 3, 5]],
        [["*"], [6]],
        [
          ["stock.*", "orders"],
          [4, 6],
        ],
        [
          ["orders.1.*", "orders.*.new"],
          [1, 2, 3, 5],
        ],
        [["nothing"], []],
        [["nothing.>"], []],
        [["orders.1"], []],
      ])("next and count follow the filters %j", async (filters, expected) => {
        const store = await filled();
        const found: number[] = [];
        for (let from = 1; ; ) {
          expect(store.count(from, filters)).toBe(expected.length - found.length);
          const message = store.next(from, filters);
          if (message === undefined) break;
          found.push(message.sequence);
          from = message.sequence + 1;
        }
        expect(found).toEqual(expected);
      });

      it("last finds the newest match, also at or before a sequence", async () => {
        const store = await filled();
        const sequences = [
          store.last(">"),
          store.last("orders.*.new"),
          store.last("orders.*.new", 4),
          store.last("orders.1.new", 4),
          store.last("orders.1.new", 5),
          store.last("stock.1", 3),
          store.last("none.*"),
        ].map((message) => message?.sequence);
        expect(sequences).toEqual([6, 5, 2, 1, 5, undefined, undefined]);
      });

      it("sequenceAt finds the first message stored at or after a time", async () => {
        const store = await filled();
        expect([0, 100, 101, 350, 600, 601].map((us) => store.sequenceAt(us))).toEqual([1, 1, 2, 4, 6, 7]);
      });

      it("subjects tells count, first and last of each", async () => {
        const store = await filled();
        expect([...store.subjects("orders.1.*")].sort((a, b) => a.firstSequence - b.firstSequence)).toEqual([
          { subject: "orders.1.new", count: 2, firstSequence: 1, lastSequence: 5 },
          { subject: "orders.1.paid", count: 1, firstSequence: 3, lastSequence: 3 },
        ]);
        expect([...store.subjects(">")]).toHaveLength(5);
        expect(store.state().subjectCount).toBe(5);
      });

      it("answers from what is not durable yet", async () => {
        const store = await open();
        store.append(textMessage("s", "first"));
        store.append(textMessage("s", "second"));
        expect([text(store, 1), store.last("s")?.sequence, store.state().messages]).toEqual(["first", 2, 2]);
      });
    });

    describe("removal", () => {
      it("removes in the middle and at the ends, once", async () => {
        const store = await open();
        for (let n = 0; n < 6; n++) store.append(textMessage(`s.${n % 2}`));
        await store.flush();
        expect([3, 1, 6, 3, 99].map((sequence) => store.remove(sequence))).toEqual([
          true,
          true,
          true,
          false,
          false,
        ]);
        expect(store.read(3)).toBeUndefined();
        expect(store.state({ maxDeleted: 10 })).toMatchObject({
          messages: 3,
          firstSequence: 2,
          lastSequence: 6,
          deletedCount: 2,
          deleted: [3, 6],
        });
        expect(store.next(3)?.sequence).toBe(4);
        expect(listener.takeRemovals()).toEqual(["1 removed", "3 removed", "6 removed"]);
        expect(store.append(textMessage("s"))).toBe(7);
      });

      it("erases when asked to", async () => {
        const store = await open();
        store.append(textMessage("s", "secret"));
        await store.flush();
        expect(store.remove(1, { erase: true })).toBe(true);
        expect(store.read(1)).toBeUndefined();
        await store.flush();
      });

      it.each([
        [{}, 7, []],
        [{ filter: "a" }, 4, [2, 4, 6]],
        [{ filter: "*" }, 7, []],
        [{ beforeSequence: 4 }, 3, [4, 5, 6, 7]],
        [{ filter: "a", beforeSequence: 4 }, 2, [2, 4, 5, 6, 7]],
        [{ keep: 2 }, 5, [6, 7]],
        [{ filter: "a", keep: 1 }, 3, [2, 4, 6, 7]],
        [{ keep: 9 }, 0, [1, 2, 3, 4, 5, 6, 7]],
      ])("purge %j takes %i messages", async (options, count, left) => {
        const store = await open();
        for (let n = 1; n <= 7; n++) store.append(textMessage(n % 2 === 1 ? "a" : "b"));
        await store.flush();
        expect(store.purge(options)).toBe(count);
        expect(sequences(store)).toEqual(left);
        expect(listener.takeRemovals()).toHaveLength(count);
        expect(store.state()).toMatchObject({
          lastSequence: 7,
          firstSequence: left[0] ?? 8,
          messages: left.length,
        });
        expect(store.append(textMessage("a"))).toBe(8);
      });

      it("goes on from the sequence a purge names beyond the last one", async () => {
        const store = await open();
        store.append(textMessage("a"));
        expect(store.purge({ beforeSequence: 100 })).toBe(1);
        expect(store.state()).toMatchObject({ messages: 0, firstSequence: 100, lastSequence: 99 });
        expect(store.append(textMessage("a"))).toBe(100);
        await store.flush();
        expect(store.durableSequence).toBe(100);
      });

      it("allows the listener to remove more from within a removal", async () => {
        const store = await open({ maxMessages: 3 });
        listener.onRemoved = (sequence) => void store.remove(sequence + 1);
        for (let n = 0; n < 5; n++) store.append(textMessage("a"));
        await store.flush();
        expect(store.state()).toMatchObject({ messages: 0, lastSequence: 5 });
      });
    });

    describe("limits", () => {
      it("act when the message that exceeds them is durable, before durable is called", async () => {
        const store = await open({ maxMessages: 2 });
        store.append(textMessage("a"));
        store.append(textMessage("b"));
        await store.flush();
        let messagesWhenDurable = 0;
        listener.onDurable = () => {
          messagesWhenDurable = store.state().messages;
        };
        store.append(textMessage("c"));
        expect(store.state().messages).toBe(3);
        await store.flush();
        expect([messagesWhenDurable, sequences(store)]).toEqual([2, [2, 3]]);
        expect(listener.takeRemovals()).toEqual(["1 limit"]);
      });

      it("keep bytes and messages per subject", async () => {
        const sizeBytes = accountedSizeBytes(1, 0, 7);
        const store = await open({ maxBytes: sizeBytes * 3, maxMessagesPerSubject: 2 });
        for (const subject of ["a", "a", "a", "b", "c"]) store.append(textMessage(subject));
        await store.flush();
        expect(sequences(store)).toEqual([3, 4, 5]);
      });

      it("remove old messages by the clock, with one timer", async () => {
        const store = await open({ maxAgeUs: 1_000_000 });
        const timers = clock.timerCount;
        for (let n = 0; n < 3; n++) {
          store.append(textMessage("a", "x", clock.nowUs()));
          await store.flush();
          clock.advance(400);
        }
        expect(clock.timerCount).toBeLessThanOrEqual(timers + 1);
        expect([sequences(store), listener.takeRemovals()]).toEqual([[2, 3], ["1 age"]]);
        clock.advance(1_000);
        expect([sequences(store), listener.takeRemovals()]).toEqual([[], ["2 age", "3 age"]]);
        expect(store.state()).toMatchObject({ firstSequence: 4, lastSequence: 3 });
      });

      it("change at run time", async () => {
        const store = await open();
        for (let n = 0; n < 9; n++) store.append(textMessage(`s.${n % 3}`, "x", clock.nowUs()));
        await store.flush();
        store.setLimits({ ...UNLIMITED, maxMessagesPerSubject: 2 });
        expect(sequences(store)).toEqual([4, 5, 6, 7, 8, 9]);
        store.setLimits({ ...UNLIMITED, maxMessages: 4 });
        expect(sequences(store)).toEqual([6, 7, 8, 9]);
        store.setLimits({ ...UNLIMITED, maxAgeUs: 50_000 });
        clock.advance(50);
        expect(sequences(store)).toEqual([]);
      });
    });

    it("refuses every change after close", async () => {
      const options = { limits: UNLIMITED, listener };
      const stream = await openStream(options, clock);
      stream.messages.append(textMessage("a"));
      await stream.close();
      await stream.close();
      expect(listener.durableSequence).toBe(1);
      const store = stream.messages;
      const changes = [
        () => store.append(textMessage("a")),
        () => store.remove(1),
        () => store.purge(),
        () => store.setLimits(UNLIMITED),
      ];
      expect(changes.map(code)).toEqual(changes.map(() => "STORE_CLOSED"));
    });

    it("agrees with a naive model under random operations", async () => {
      await compareWithModel(openStream, reopen);
    });
  });
}

function sequences(store: MessageStore): number[] {
  const found: number[] = [];
  for (let message = store.next(0); message !== undefined; message = store.next(message.sequence + 1)) {
    found.push(message.sequence);
  }
  return found;
}

function text(store: MessageStore, sequence: number): string | undefined {
  const message = store.read(sequence);
  return message && Buffer.from(message.data).toString();
}

/** Code of the error `action` throws. */
function code(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    if (isGanglionError(error)) return error.code;
    throw error;
  }
  return undefined;
}
