/** Closing many parts: one that fails keeps none of the others open. */

/**
 * One after another, each when the one before has ended.
 *
 * @throws what the one that failed threw; {AggregateError} where more than one did
 */
export const closeAll = async (closings: readonly (() => unknown)[]): Promise<void> => {
  const failures: unknown[] = []
  for (const close of closings) {
    try {
      await close()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length === 1) throw failures[0]
  if (failures.length > 1) throw new AggregateError(failures, failures.map((error) => error instanceof Error ? error.message : String(error)).join('; '))
}
