/** What a machine must have before anything else works, and how its absence is said. */

/** A condition of the machine, told in one plain sentence; printed without a stack trace. */
export class SetupError extends Error {
  name = 'SetupError'
}

const OLDEST = [20, 19]

/** @throws {SetupError} the running Node is older than 20.19 */
export const checkNode = (version) => {
  const [major, minor] = version.split('.').map(Number)
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return
  throw new SetupError(`this needs Node ${OLDEST.join('.')} or newer, and this is Node ${version}; get one from https://nodejs.org`)
}
