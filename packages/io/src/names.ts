/** Names inside folders: their order, and the temporary ones that stand in for files not yet complete. */

/**
 * The folder in which temporary files may stand, instead of beside what they are to become: what a crash leaves is found there
 * without a look at everything else. It is in no list.
 */
export const DRAFTS = '.drafts'

const TEMPORARY = /^\..+\.[0-9a-f]{16}\.tmp$/su

/** Order of the UTF-8 bytes of two names, which is that of their code points and not of JavaScript's code units. */
export const compareNames = (a: string, b: string): number => {
  const end = Math.min(a.length, b.length)
  for (let at = 0; at < end; at++) {
    const left = a.charCodeAt(at)
    const right = b.charCodeAt(at)
    if (left !== right) return codePointRank(left) - codePointRank(right)
  }
  return a.length - b.length
}

/** Surrogates stand for code points above every other code unit. */
const codePointRank = (unit: number): number => unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit

/** A name beside `name` for the time of its making: at most 223 bytes long, whatever the length of `name`. */
export const temporaryName = (name: string, random: Uint8Array): string => {
  const start = Array.from(name).slice(0, 50).join('')
  return `.${start}.${Array.from(random.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('')}.tmp`
}

export const isTemporaryName = (name: string): boolean => TEMPORARY.test(name)

/** Neither temporary nor the folder of what is. */
export const isListed = (name: string): boolean => name !== DRAFTS && !isTemporaryName(name)
