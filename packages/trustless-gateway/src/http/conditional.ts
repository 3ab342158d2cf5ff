/** Conditions of a request on entity tags. Source: RFC 9110, 8.8.3 and 13.1. */

const TAG = /(?:W\/)?("[^"]*")/g

const opaque = (tag: string): string => (tag.startsWith('W/') ? tag.slice(2) : tag)

/** Whether `If-None-Match` names the tag, or anything: the asker has it already. Weak and strong tags compare by what they quote. */
export const namesTag = (ifNoneMatch: string, tag: string): boolean => {
  if (ifNoneMatch === tag) return true
  if (ifNoneMatch.trim() === '*') return true
  const wanted = opaque(tag)
  for (const [, quoted] of ifNoneMatch.matchAll(TAG)) if (quoted === wanted) return true
  return false
}

/** Whether `If-Range` allows a part: only the same strong tag does, no date. */
export const allowsPart = (ifRange: string | undefined, tag: string): boolean => ifRange === undefined || (ifRange.trim() === tag && !tag.startsWith('W/'))
