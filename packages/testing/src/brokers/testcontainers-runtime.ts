import { GenericContainer, Wait } from "testcontainers";
import type { ContainerRequest, ContainerRuntime, RunningContainer } from "./container-broker.js";

/** Containers through testcontainers. Import it lazily: it takes a quarter of a second. */
export const testcontainersRuntime: ContainerRuntime = { start: startContainer };

async function startContainer(request: ContainerRequest): Promise<RunningContainer> {
  const definition = new GenericContainer(request.image)
    .withCommand([...request.command])
    .withExposedPorts({ container: request.port, host: request.hostPort })
    .withCopyContentToContainer([...request.files])
    .withWaitStrategy(Wait.forLogMessage(request.readyLine));
  if (request.mount !== undefined) definition.withBindMounts([{ ...request.mount, mode: "rw" }]);
  const container = await definition.start();
  return {
    host: container.getHost(),
    stop: async (graceMs) => void (await container.stop({ remove: false, timeout: graceMs })),
    start: () => container.restart(),
    remove: async () => void (await container.stop()),
  };
}
