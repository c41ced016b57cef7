import { once } from "node:events";
import { connect, type Socket } from "node:net";

const CONNECT =
  'CONNECT {"verbose":false,"pedantic":false,"protocol":0,"headers":true,"no_responders":true}\r\n';

/** Opens a connection, says `greeting` and waits until the server has dealt with it. Data that follows is the caller's. */
export async function openWire(url: string, greeting = ""): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, "connect");
  socket.write(`${CONNECT}${greeting}PING\r\n`);
  let text = "";
  while (!text.endsWith("PONG\r\n")) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    text += chunk.toString("latin1");
  }
  return socket;
}

/** A PUB operation, encoded. */
export function encodePublish(subject: string, reply: string, payload: Uint8Array): Buffer {
  const line = `PUB ${subject} ${reply === "" ? "" : `${reply} `}${payload.length}\r\n`;
  return Buffer.concat([Buffer.from(line), payload, Buffer.from("\r\n")]);
}
