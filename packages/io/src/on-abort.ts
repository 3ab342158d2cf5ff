/** Many that wait for one signal: one listener for all of them, since platforms warn of more than a few. */

const waiting = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls `aborted` when the signal aborts, once, unless the function given back was called before. Does nothing for a signal
 * that was aborted before.
 */
export const onAbort = (signal: AbortSignal, aborted: () => void): () => void => {
  const others = waiting.get(signal)
  const callbacks = others ?? new Set()
  callbacks.add(aborted)
  if (others !== undefined) return () => { leave(signal, callbacks, aborted) }
  waiting.set(signal, callbacks)
  signal.addEventListener('abort', notify, { once: true })
  return () => { leave(signal, callbacks, aborted) }
}

const leave = (signal: AbortSignal, callbacks: Set<() => void>, aborted: () => void): void => {
  callbacks.delete(aborted)
  if (callbacks.size > 0 || waiting.get(signal) !== callbacks) return
  waiting.delete(signal)
  signal.removeEventListener('abort', notify)
}

const notify = ({ target }: Event): void => {
  const signal = target as AbortSignal
  const callbacks = waiting.get(signal)
  waiting.delete(signal)
  // one may make others leave
  for (const aborted of callbacks ?? []) aborted()
}
