import type { StreamSourceConfig } from "@ganglion/protocol";
import { compileSubjectTransform } from "../../routing/subject-transform.js";

/** Maps the subjects of an origin to those of the copy; what no transform matches stays as it is. */
export function compileOriginTransform({
  subject_transforms: transforms = [],
}: StreamSourceConfig): (subject: string) => string {
  const compiled = transforms.flatMap(({ src, dest }) =>
    dest === "" ? [] : [compileSubjectTransform(src, dest)],
  );
  return (subject) => {
    for (const transform of compiled) {
      const mapped = transform?.(subject);
      if (mapped !== undefined) return mapped;
    }
    return subject;
  };
}
