import { describe, expect, it } from "vitest";
import { compileSubjectTransform } from "./subject-transform.js";

const map = (source: string, destination: string, subject: string) =>
  compileSubjectTransform(source, destination)?.(subject);

describe("compileSubjectTransform", () => {
  // Source: the facts behind nats-server subject_transform_test.go.
  it.each([
    [["foo.*.*", "bar.$2.$1"], "foo.a.b", "bar.b.a"],
    [["foo.*.*", "bar.{{wildcard(2)}}.{{ Wildcard( 1 ) }}"], "foo.a.b", "bar.b.a"],
    [["foo.>", "bar.>"], "foo.a.b.c", "bar.a.b.c"],
    [[">", "copy.>"], "a.b", "copy.a.b"],
    [["", "copy.>"], "a.b", "copy.a.b"],
    [["foo.*.>", "x.$1.y.>"], "foo.1.2.3", "x.1.y.2.3"],
    [["foo", "bar"], "foo", "bar"],
    [[">", ">"], "as.is", "as.is"],
    [["*", "{{splitfromleft(1,3)}}"], "12345", "123.45"],
    [["*", "{{SplitFromRight(1,3)}}"], "12345", "12.345"],
    [["*", "{{SliceFromLeft(1,3)}}"], "1234567890", "123.456.789.0"],
    [["*", "{{SliceFromRight(1,3)}}"], "1234567890", "1.234.567.890"],
    [["*", "{{split(1,-)}}"], "-abc-def--ghi-", "abc.def.ghi"],
    [["*.*", "{{split(2,-)}}.{{splitfromleft(1,2)}}"], "foo.-abc-def--ghij-", "abc.def.ghij.fo.o"],
    [["*", "{{left(1,3)}}.{{right(1,2)}}"], "abcdef", "abc.ef"],
    [["*", "{{left(1,9)}}"], "abc", "abc"],
    [["*", "bar.{{partition(10)}}"], "qux", "bar.9"],
    [["*.*", "bar.{{partition(10)}}"], "foo.bar", "bar.6"],
    [["foo.*", "bar.{{partition(10,1)}}"], "foo.baz", "bar.0"],
    [["foo", "bar.{{random(1)}}"], "foo", "bar.0"],
    [["foo.*", "bar.$"], "foo.a", "bar.$"],
  ] as const)("%j makes of %s %s", ([source, destination], subject, expected) => {
    expect(map(source, destination, subject)).toBe(expected);
  });

  it("gives nothing for a subject that is not of its source", () => {
    expect(map("foo.*", "bar.$1", "baz.1")).toBeUndefined();
  });

  it("puts equal keys into equal partitions and uses all of them", () => {
    const transform = compileSubjectTransform("a.*.*", "p.{{partition(5,2,1)}}");
    const seen = new Set(Array.from({ length: 100 }, (_, key) => transform?.(`a.${key}.x`)));
    expect(seen).toEqual(new Set(["p.0", "p.1", "p.2", "p.3", "p.4"]));
    expect(transform?.("a.1.2")).toBe(transform?.("a.1.2"));
  });

  it.each([
    ["foo.*", "bar.*"],
    ["foo.*", "bar.$2"],
    ["foo.>", "bar"],
    ["foo", "bar.>"],
    ["foo.*", "bar.{{wildcard()}}"],
    ["foo.*", "bar.{{nosuch(1)}}"],
    ["foo.*", "bar.{{split(1)}}"],
    ["foo.*", "bar.{{left(1,x)}}"],
    ["foo.*", "bar..x"],
    ["foo", ""],
    ["foo.>.x", "bar.>"],
    ["foo.*", "bar.{{partition(x,1)}}"],
    ["foo.*", "bar.{{partition(3,2)}}"],
  ])("refuses %s to %s", (source, destination) => {
    expect(compileSubjectTransform(source, destination)).toBeUndefined();
  });
});
