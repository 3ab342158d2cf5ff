/** Whether the processor hashes sha2-256 by instructions of its own. */
import { readFileSync } from 'node:fs'

let known: boolean | undefined

/** Looked up once; where there is nothing to look it up in, they are taken to be there. */
export const hasShaInstructions = (): boolean => known ??= look()

const look = (): boolean => {
  try {
    // x64 says sha_ni, arm64 says sha2
    return /^(?:flags|Features)\b.*\b(?:sha_ni|sha2)\b/m.test(readFileSync('/proc/cpuinfo', 'latin1'))
  } catch {
    return true
  }
}
