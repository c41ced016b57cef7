import { expect, test } from "vitest";
import { DEFAULT_CONNECT_OPTIONS, decodeConnect, encodeConnect } from "./connect-options.js";
import { decodeInfo, encodeInfo, type ServerInfo } from "./info.js";
import { encodeError } from "./serializer.js";

test("decodeConnect fills in what a client leaves out, and ignores what it does not know", () => {
  expect(decodeConnect("{}")).toEqual(DEFAULT_CONNECT_OPTIONS);
  expect(
    decodeConnect('{"verbose":false,"user":"me","future":1,"name":null,"__proto__":{"echo":false}}'),
  ).toEqual({
    ...DEFAULT_CONNECT_OPTIONS,
    verbose: false,
    user: "me",
  });
});

test("decodeConnect reads names in any case, and null as no options, as Go does", () => {
  expect(decodeConnect('{"VERBOSE":false,"Auth_Token":"t"}')).toMatchObject({
    verbose: false,
    auth_token: "t",
  });
  expect(decodeConnect("null")).toEqual(DEFAULT_CONNECT_OPTIONS);
});

test("decodeConnect lets a second CONNECT change only what it names", () => {
  const first = decodeConnect('{"verbose":false,"echo":false}');
  expect(decodeConnect('{"echo":true}', first)).toMatchObject({ verbose: false, echo: true });
});

test.each([
  "",
  "{",
  "[]",
  "1",
  '{"verbose":"yes"}',
  '{"protocol":1.5}',
  '{"protocol":99999999999999999999}',
  '{"user":1}',
])("decodeConnect refuses %j", (json) => {
  expect(() => decodeConnect(json)).toThrow(expect.objectContaining({ code: "MALFORMED_CONNECT" }));
});

test("encodeConnect writes one operation", () => {
  expect(encodeConnect({ verbose: false }).toString()).toBe('CONNECT {"verbose":false}\r\n');
});

test("INFO survives its round trip, and what is no object is refused", () => {
  const info: ServerInfo = {
    server_id: "N",
    server_name: "n",
    version: "2.9.0",
    proto: 1,
    go: "go",
    host: "127.0.0.1",
    port: 4222,
    headers: true,
    max_payload: 1024,
  };
  const bytes = encodeInfo(info).toString();
  expect(bytes).toMatch(/^INFO \{.*\} \r\n$/);
  expect(decodeInfo(bytes.slice(5))).toEqual(info);
  for (const json of ["", "[]", "null", "3"]) {
    expect(() => decodeInfo(json)).toThrow(expect.objectContaining({ code: "MALFORMED_INFO" }));
  }
});

test("encodeError quotes its text", () => {
  expect(encodeError("Stale Connection").toString()).toBe("-ERR 'Stale Connection'\r\n");
});
