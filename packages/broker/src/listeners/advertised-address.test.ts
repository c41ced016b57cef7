import { expect, test } from "vitest";
import { advertisedAddress } from "./advertised-address.js";

test.each([
  ["example.com", { host: "example.com", port: 4222 }],
  ["example.com:0", { host: "example.com", port: 4222 }],
  [" 10.0.0.1:5555 ", { host: "10.0.0.1", port: 5555 }],
  ["[fd00::2]:1", { host: "fd00::2", port: 1 }],
  ["[fd00::2]", { host: "fd00::2", port: 4222 }],
  ["fd00::2", undefined],
  ["a:b", undefined],
  ["a:70000", undefined],
  ["", undefined],
])("advertisedAddress of %j", (text, address) => {
  expect(advertisedAddress(text, 4222)).toEqual(address);
});
