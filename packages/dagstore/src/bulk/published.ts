/** What of a finished index goes into the top-level index. */
export { multihashesOf as multihashesOfView } from '../runner/multihashes.ts'
