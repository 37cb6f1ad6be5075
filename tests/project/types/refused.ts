/** A program that must not compile, and the one error that it is refused with. */
export type Refused = readonly [code: string, error: RegExp];
