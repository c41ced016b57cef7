import { expect, it } from "vitest";
import { appExtensions, registerAppExtension } from "./app-extension.js";
import { type ComponentKind, componentOf, defineComponent } from "./component.js";

it("defineComponent keeps kind and definition of a class, and of that class only", () => {
  const kind: ComponentKind<string> = {
    name: "probe",
    createHost: () => ({ start: async () => {}, stop: async () => {} }),
  };
  class Listed {}
  class Other extends Listed {}
  defineComponent(Listed, kind, "definition");
  expect(componentOf(Listed)).toEqual({ kind, definition: "definition" });
  expect(componentOf(Other)).toBeUndefined();
});

it("registerAppExtension takes a name once", () => {
  const extension = () => "value";
  registerAppExtension("probe", extension);
  registerAppExtension("probe", extension);
  expect(appExtensions().get("probe")).toBe(extension);
  expect(() => registerAppExtension("probe", () => "other")).toThrow('"probe" is registered twice');
});
