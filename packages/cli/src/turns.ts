/** Reads of a one-shot command block the thread, which is faster than waiting for them; Ctrl-C and progress get a turn in between. */

const SLICE_MS = 50

/** Asked again and again: a promise when other work has waited for 50 ms. */
export const inTurns = (): (() => Promise<void> | undefined) => {
  let since = performance.now()
  const turn = (): Promise<void> => new Promise((resolve) => {
    setImmediate(() => {
      since = performance.now()
      resolve()
    })
  })
  return () => performance.now() - since < SLICE_MS ? undefined : turn()
}
