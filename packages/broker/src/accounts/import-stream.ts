import { filtersOverlap, isSubsetFilter } from "@ganglion/protocol";
import type { StreamImportConfig } from "../config/blocks/account-imports.js";
import type { Account } from "./account.js";
import { importSubjects } from "./import-subjects.js";

/**
 * Makes messages of one account heard in another one. Only subscriptions of the importing account itself hear them:
 * what it exports does not carry them further.
 *
 * Source: nats-server client.go `addShadowSubscriptions`.
 *
 * @returns a function that ends it.
 */
export function importStream(importer: Account, exporter: Account, config: StreamImportConfig): () => void {
  const { local, remote, toLocal } = importSubjects(config);
  const unlink = exporter.router.link({ filter: remote, router: importer.router, toLocal });
  const unlisten = importer.router.listen((filter) => {
    if (!filtersOverlap(filter, local)) return;
    const isNamedAlike = local === remote && isSubsetFilter(filter, local);
    exporter.router.changed(isNamedAlike ? filter : remote);
  });
  return () => {
    unlisten();
    unlink();
  };
}
