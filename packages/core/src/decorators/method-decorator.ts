/** Any method. */
// biome-ignore lint/suspicious/noExplicitAny: parameters are compared by the decorator's shape, not here
export type Method = (...args: any[]) => unknown;

/**
 * A method decorator for both kinds of decorators, standard and `experimentalDecorators`. `Shape` is what the method
 * must look like, `Name` what it must be called.
 *
 * The legacy signature comes last because the compiler prints the last one in its message.
 */
export interface MethodDecoratorOf<Shape extends Method, Name extends string = string> {
  <T, F extends Shape>(
    value: F,
    context: ClassMethodDecoratorContext<T, F> & {
      readonly name: Name;
      readonly static: false;
      readonly private: false;
    },
  ): void;
  <K extends Name, F extends Shape>(target: object, key: K, descriptor: TypedPropertyDescriptor<F>): void;
}

/** A class decorator for both kinds of decorators. `Instance` is what the class must make. */
// biome-ignore lint/suspicious/noExplicitAny: constructors of any parameters
export type ClassDecoratorOf<Instance> = <T extends abstract new (...args: any[]) => Instance>(
  type: T,
  context?: ClassDecoratorContext<T>,
) => void;

/**
 * The method a decorator was put on, and its name, whichever kind of decorator it is.
 *
 * @param args - what the decorator was called with.
 */
export function decoratedMethod(args: readonly unknown[]): {
  readonly method: Method;
  readonly name: string;
} {
  const [first, second, descriptor] = args;
  if (typeof first === "function" && isStandardContext(second)) {
    return { method: first as Method, name: String(second.name) };
  }
  return { method: (descriptor as TypedPropertyDescriptor<Method>).value as Method, name: String(second) };
}

function isStandardContext(value: unknown): value is ClassMethodDecoratorContext {
  return typeof value === "object" && value !== null && "kind" in value;
}
