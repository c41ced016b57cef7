import {
  type ApiError,
  apiError,
  filtersOverlap,
  isValidSubject,
  type StreamConfig,
} from "@ganglion/protocol";
import { parseMessageTtl } from "./message-ttl.js";
import type { PublishFacts } from "./publish-checks.js";
import type { PublishHeaders } from "./publish-headers.js";
import { isTimeZone, nextScheduledTime } from "./schedule-pattern.js";

/**
 * Checks the headers of schedules, and of messages that end one. Pure.
 *
 * Source: nats-server stream.go `processJetStreamMsg`; ADR-51.
 */
export function checkSchedule(
  headers: PublishHeaders,
  config: StreamConfig,
  facts: PublishFacts,
): ApiError | undefined {
  if (facts.isSourced) return undefined;
  const { schedule, scheduleNext, scheduler } = headers;
  const error =
    schedule === undefined && headers.scheduleTimeZone === undefined
      ? undefined
      : checkPattern(headers, config, facts);
  if (error !== undefined) return error;
  if (scheduleNext !== undefined) return checkEnd(headers, config, facts);
  return scheduler === undefined ? undefined : apiError("MessageSchedulesSchedulerInvalid");
}

function checkPattern(
  headers: PublishHeaders,
  config: StreamConfig,
  facts: PublishFacts,
): ApiError | undefined {
  const { scheduleTimeZone: timeZone, schedule, scheduleTtl, scheduleRollup, rollup } = headers;
  const isAllowed = config.allow_msg_schedules === true;
  if (timeZone !== undefined && !isTimeZone(timeZone)) {
    return apiError(isAllowed ? "MessageSchedulesTimeZoneInvalid" : "MessageSchedulesDisabled");
  }
  if (schedule === undefined) return undefined;
  if (!isAllowed) return apiError("MessageSchedulesDisabled");
  const { nowUs } = facts;
  if (nextScheduledTime(schedule, { timeZone, fromUs: nowUs, nowUs }) === undefined) {
    return apiError("MessageSchedulesPatternInvalid");
  }
  if (parseMessageTtl(scheduleTtl) === undefined) return apiError("MessageSchedulesTTLInvalid");
  if (scheduleRollup !== undefined && scheduleRollup !== "sub")
    return apiError("MessageSchedulesRollupInvalid");
  if (scheduleTtl !== undefined && !config.allow_msg_ttl) return apiError("MessageTTLDisabled");
  const error = checkSubjects(headers, config, facts.subject);
  if (error !== undefined) return error;
  return rollup !== undefined && rollup !== "sub" ? apiError("MessageSchedulesRollupInvalid") : undefined;
}

function checkSubjects(
  { scheduleTarget: target = "", scheduleSource: source }: PublishHeaders,
  { subjects = [] }: StreamConfig,
  subject: string,
): ApiError | undefined {
  const isTaken = (other: string) => subjects.some((filter) => filtersOverlap(filter, other));
  if (!isValidSubject(target) || target === subject || !isTaken(target)) {
    return apiError("MessageSchedulesTargetInvalid");
  }
  if (source === undefined) return undefined;
  const isUsable = source !== target && source !== subject && isValidSubject(source) && isTaken(source);
  return isUsable ? undefined : apiError("MessageSchedulesSourceInvalid");
}

/** A client may end a schedule by naming its subject, together with a message of its own. */
function checkEnd(
  { scheduleNext, scheduler = "" }: PublishHeaders,
  config: StreamConfig,
  facts: PublishFacts,
): ApiError | undefined {
  const isEnd = scheduleNext === "purge" && scheduler !== facts.subject && isValidSubject(scheduler);
  if (!isEnd) return apiError("MessageSchedulesSchedulerInvalid");
  if (config.allow_msg_schedules !== true) return apiError("MessageSchedulesDisabled");
  return facts.hasSchedule(scheduler) === false ? apiError("MessageSchedulesSchedulerInvalid") : undefined;
}
