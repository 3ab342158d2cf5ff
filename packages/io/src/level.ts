/** An opened `abstract-level` database as an option: any engine, any encodings. */

/**
 * What the type of a parameter can say of such a database. The full type would be invariant: `ClassicLevel` or a sublevel is
 * not assignable to the general `AbstractLevel` under `exactOptionalPropertyTypes`.
 */
export interface AnyLevel {
  readonly status: string
  sublevel (...args: any[]): any
}
