import { isValidFilter } from "@ganglion/protocol";
import {
  DEFAULT_RESPONSE_RULES,
  type PermissionRules,
  type ResponseRules,
  type SubjectRules,
} from "../../auth/permission-rules.js";
import { block, byKind, field, oneOrMore, type Reader, refine } from "../reader.js";
import { duration, filter, flag, integer, text } from "../scalars.js";

/** "subject" or "subject queue", where the queue may have wildcards as a subject has. */
const filterWithQueue: Reader<string> = refine(text, (option, given) => {
  const parts = option.trim().split(/\s+/);
  if (parts.length <= 2 && parts.every((part) => isValidFilter(part))) return parts.join(" ");
  return given.fault(`"${option}" is not a valid subject, nor a subject and a queue`);
});

const subjectFields = (subject: Reader<string>) => ({
  allow: field("allow", oneOrMore(subject), "What is allowed; absent or empty: everything."),
  deny: field("deny", oneOrMore(subject), "What is denied although it is allowed."),
});

function subjectRules(subject: Reader<string>): Reader<SubjectRules> {
  const allowed = refine(oneOrMore(subject), (allow) => Object.freeze({ allow }));
  const rules = byKind<SubjectRules>(
    { map: block(subjectFields(subject)), string: allowed, list: allowed },
    "a subject, a list of subjects, or a map of allow and deny",
  );
  return refine(rules, (found, given) => {
    if (found.allow?.length === 0)
      given.warn(`${given.name} has an empty allow list: that allows everything`);
    return found;
  });
}

const responseFields = {
  max: field("max max_msgs max_messages max_responses", integer()),
  expiresMs: field("expires expiration ttl", duration(Number.NEGATIVE_INFINITY)),
};

const responseRules: Reader<ResponseRules | false> = byKind<ResponseRules | false>(
  {
    boolean: refine(flag, (allowed) => (allowed ? DEFAULT_RESPONSE_RULES : false)),
    // Negative means without limit, 0 the default.
    map: refine(block(responseFields), ({ max = 0, expiresMs = 0 }) =>
      Object.freeze({
        max: max < 0 ? -1 : max || DEFAULT_RESPONSE_RULES.max,
        expiresMs: expiresMs < 0 ? Number.POSITIVE_INFINITY : expiresMs || DEFAULT_RESPONSE_RULES.expiresMs,
      }),
    ),
  },
  "a boolean, or a map of max and expires",
);

const fields = {
  publish: field("publish pub import", subjectRules(filter)),
  subscribe: field("subscribe sub export", subjectRules(filterWithQueue), 'Entries may be "subject queue".'),
  responses: field("allow_responses publish_allow_responses", responseRules),
};

/**
 * `permissions` of a user, of an account's users, or of a cluster.
 *
 * Source: nats-server opts.go `parseUserPermissions`.
 */
export const permissions: Reader<PermissionRules> = refine(block(fields), ({ responses, ...rules }) =>
  Object.freeze(responses ? { ...rules, responses } : rules),
);
