import { X509Certificate } from "node:crypto";
import { describe, expect, it, test } from "vitest";
import { tlsPeerOf, userOfCertificate } from "./certificate.js";
import { compareDistinguishedNames, parseDistinguishedName } from "./distinguished-name.js";

// Self-signed, made by openssl; the private keys are gone.
/** C=US, O=Synadia, OU=NATS, CN=Bob, with an email address, two DNS names, a URI and an IP address. */
const WITH_NAMES = `-----BEGIN CERTIFICATE-----
MIICMzCCAdqgAwIBAgIUSaOztXimVsqF+kPJTFJ9rkcYepowCgYIKoZIzj0EAwIw
PDELMAkGA1UEBhMCVVMxEDAOBgNVBAoMB1N5bmFkaWExDTALBgNVBAsMBE5BVFMx
DDAKBgNVBAMMA0JvYjAgFw0yNjExMjMyMjQyMjdaGA8yMTI2MTAzMDIyNDIyN1ow
PDELMAkGA1UEBhMCVVMxEDAOBgNVBAoMB1N5bmFkaWExDTALBgNVBAsMBE5BVFMx
DDAKBgNVBAMMA0JvYjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABJyNIDk0+Fg6
v/owXyg87+B60j40E98S8VDjJAOsYleNade5kPxdnEAZPgPuHzA/bEGnAFH/EyeS
wLvjVk7HWGijgbcwgbQwHQYDVR0OBBYEFOxedk94r/70ypqo9PjSFYN2aSz8MB8G
A1UdIwQYMBaAFOxedk94r/70ypqo9PjSFYN2aSz8MA8GA1UdEwEB/wQFMAMBAf8w
YQYDVR0RBFowWIEPYm9iQGV4YW1wbGUuY29tghJjbGllbnQuZXhhbXBsZS5jb22C
EW90aGVyLmV4YW1wbGUuY29thhhzcGlmZmU6Ly9leGFtcGxlLmNvbS9ib2KHBH8A
AAEwCgYIKoZIzj0EAwIDRwAwRAIgUkF+6EIjP3t9Hl5BfddEvHZpVSqXkm6gBJ0h
flmBHysCIB4ElzI2pk3gxbZYrTGRdwNIElF/vKrBPKwjTfPC+bG2
-----END CERTIFICATE-----`;
/** DC=com, DC=example, OU=NATS + CN=www.example.com, O=A, B "c". */
const WITH_SUBJECT = `-----BEGIN CERTIFICATE-----
MIICKDCCAc2gAwIBAgIUeVtZ3LHf9jA6H/QhFsh+q2PcRoUwCgYIKoZIzj0EAwIw
aDETMBEGCgmSJomT8ixkARkWA2NvbTEXMBUGCgmSJomT8ixkARkWB2V4YW1wbGUx
JTALBgNVBAsMBE5BVFMwFgYDVQQDDA93d3cuZXhhbXBsZS5jb20xETAPBgNVBAoM
CEEsIEIgImMiMCAXDTI2MTEyMzIyNDIyN1oYDzIxMjYxMDMwMjI0MjI3WjBoMRMw
EQYKCZImiZPyLGQBGRYDY29tMRcwFQYKCZImiZPyLGQBGRYHZXhhbXBsZTElMAsG
A1UECwwETkFUUzAWBgNVBAMMD3d3dy5leGFtcGxlLmNvbTERMA8GA1UECgwIQSwg
QiAiYyIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASOQaGAz4850nUImsDOSAyt
y9GTeM6/dE5KWHz8nrlhH7no5AH4z6R2NAPiiGtB9oYyh1SrhK1fXxKGF8ZpduSB
o1MwUTAdBgNVHQ4EFgQU83+vuGrG67QaWjDxYlVsWmy3iaYwHwYDVR0jBBgwFoAU
83+vuGrG67QaWjDxYlVsWmy3iaYwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQD
AgNJADBGAiEApfSa18uxNiq5Lc6k7vwPg+XYZBnabruHurJIy+dFxjQCIQDdfTwX
lfodJ06lnHREHzXZFW9hp3i3eZrT529hit0+Ww==
-----END CERTIFICATE-----`;

const named = tlsPeerOf(new X509Certificate(WITH_NAMES));
const plain = tlsPeerOf(new X509Certificate(WITH_SUBJECT));

describe("tlsPeerOf", () => {
  it("reads the alternative names and the subject, most specific first", () => {
    expect(named).toEqual({
      emails: ["bob@example.com"],
      dnsNames: ["client.example.com", "other.example.com"],
      uris: ["spiffe://example.com/bob"],
      subject: [[["cn", "Bob"]], [["ou", "NATS"]], [["o", "Synadia"]], [["c", "US"]]],
    });
    expect(plain).toEqual({
      emails: [],
      dnsNames: [],
      uris: [],
      subject: [
        [["o", 'A, B "c"']],
        [
          ["ou", "NATS"],
          ["cn", "www.example.com"],
        ],
        [["dc", "example"]],
        [["dc", "com"]],
      ],
    });
  });

  it("does not take a name out of another one", () => {
    const certificate = { subject: "", subjectAltName: 'URI:"http://a/?x=1, DNS:evil", DNS:good' };
    const peer = tlsPeerOf(certificate as X509Certificate); // as Node writes a URI with a comma in it
    expect([peer.uris, peer.dnsNames]).toEqual([["http://a/?x=1, DNS:evil"], ["good"]]);
  });
});

describe("parseDistinguishedName", () => {
  test.each([
    ["CN=a", [[["cn", "a"]]]],
    [" CN = a b , OU= c ", [[["cn", "a b"]], [["ou", "c"]]]],
    [
      "CN=a+OU=b,O=c",
      [
        [
          ["cn", "a"],
          ["ou", "b"],
        ],
        [["o", "c"]],
      ],
    ],
    [String.raw`CN=a\, b\+c\=\\\"`, [[["cn", 'a, b+c=\\"']]]],
    [String.raw`CN=L\c3\bc`, [[["cn", "Lü"]]]],
    [String.raw`CN=a\ `, [[["cn", "a "]]]],
    ["CN=a=b", [[["cn", "a=b"]]]],
    ["CN=", [[["cn", ""]]]],
  ])("%j", (text, expected) => expect(parseDistinguishedName(text)).toEqual(expected));

  test.each([
    "",
    "bob",
    "bob@example.com",
    "CN",
    "CN=a,",
    "=a",
    "CN=#04024869",
    String.raw`CN=a\x`,
    "CN=a,b",
  ])("%j is none", (text) => expect(parseDistinguishedName(text)).toBeUndefined());
});

test.each([
  ["CN=a,OU=b", "cn=a,ou=b", "equal"],
  ["CN=a,OU=b", "OU=b,CN=a", "reordered"],
  ["CN=a+OU=b", "OU=b+CN=a", "equal"],
  ["CN=a", "CN=A", "different"],
  ["CN=a,OU=b", "CN=a", "different"],
  ["CN=a,CN=a", "CN=a", "different"],
  ["CN=a,OU=b", "CN=a+OU=b", "different"],
])("%s and %s are %s", (a, b, expected) => {
  expect(compareDistinguishedNames(parseDistinguishedName(a) ?? [], parseDistinguishedName(b) ?? [])).toBe(
    expected,
  );
});

describe("userOfCertificate", () => {
  const find = (peer: typeof named, ...names: string[]) =>
    userOfCertificate(peer, new Map(names.map((user) => [user, { user: { user } }])))?.user.user;

  it("looks for an email address first, then a DNS name, a URI and the subject", () => {
    const names = [
      "bob@example.com",
      "client.example.com",
      "spiffe://example.com/bob",
      "CN=Bob,OU=NATS,O=Synadia,C=US",
    ];
    for (const [i, name] of names.entries()) {
      expect(find(named, ...names.slice(i).reverse())).toBe(name);
    }
    expect(find(named, "other.example.com")).toBe("other.example.com");
  });

  it("prefers a subject in the same order to a reordered one", () => {
    const reordered = "C=US,O=Synadia,OU=NATS,CN=Bob";
    expect(find(named, reordered, "CN=Bob,OU=NATS,O=Synadia,C=US")).toBe("CN=Bob,OU=NATS,O=Synadia,C=US");
    expect(find(named, reordered)).toBe(reordered);
    const escaped = String.raw`O=A\, B \"c\",CN=www.example.com+OU=NATS,DC=example,DC=com`;
    expect(find(plain, escaped)).toBe(escaped);
  });

  it("finds nobody by a part of the subject, an IP address or another name", () => {
    expect(
      find(named, "CN=Bob", "Bob", "127.0.0.1", "CN=Bob,OU=NATS,O=Synadia", "example.com"),
    ).toBeUndefined();
  });
});
