/** What an SDK is built from, under the names `@opentelemetry/sdk-node` gives its parts. */
export type SdkModules = Pick<typeof import("@opentelemetry/sdk-node"), "metrics" | "node" | "resources">;

/**
 * Loads the SDK: `@opentelemetry/sdk-node`, which is made to export, when it shall export over OTLP. Otherwise only
 * the parts of it that are needed, since nobody waits for exporters that are not used.
 *
 * @param options.exporting - whether anything leaves this process over OTLP.
 */
export async function loadSdk({ exporting }: { readonly exporting: boolean }): Promise<SdkModules> {
  if (exporting) return await import("@opentelemetry/sdk-node");
  const [metrics, node, resources] = await Promise.all([
    import("@opentelemetry/sdk-metrics"),
    import("@opentelemetry/sdk-trace-node"),
    import("@opentelemetry/resources"),
  ]);
  return { metrics, node, resources };
}
