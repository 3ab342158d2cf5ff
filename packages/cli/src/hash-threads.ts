/** How many threads hash a piece in a command that does nothing else meanwhile. */
import { availableParallelism } from 'node:os'

/** More are not fed: reading and copying are one thread's work. */
const MOST = 4

/** For `commpOf`, which starts them when there is enough to do; `undefined`: a second one has no processor. */
export const hashThreads = (): number | undefined => {
  const processors = availableParallelism()
  return processors < 2 ? undefined : Math.min(MOST, processors)
}
