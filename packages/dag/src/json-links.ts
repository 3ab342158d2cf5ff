/**
 * The links of a DAG-JSON block, in the order of the text: objects whose only entry is `"/"` with a string.
 *
 * Source: IPLD DAG-JSON specification. Looser: the order of keys, doubled keys and the form of numbers are not checked.
 */
import { CID } from 'multiformats/cid'
import { LinkLimitError } from './link-limit.ts'

/** What a link is made of, each a token of the text; the string stands at the fourth. */
const LINK = ['{', '"/"', ':', undefined, '}']

/** @throws {Error} not JSON, not UTF-8, or a link that is not a CID; a {@link LinkLimitError} */
export const jsonLinks = (bytes: Uint8Array, maxLinks: number = Infinity): CID[] => {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  JSON.parse(text) // from here on the text is known to be well formed
  const links: CID[] = []
  let matched = 0
  let target = ''
  for (const token of tokens(text)) {
    if (matched === 3 && token.startsWith('"')) {
      target = token
      matched = 4
      continue
    }
    if (matched === 4 && token !== '}') throw new Error('entries beside a link')
    const key = matched === 1 && token.startsWith('"') && token.includes('\\') ? JSON.stringify(JSON.parse(token)) : token
    matched = key === LINK[matched] ? matched + 1 : key === LINK[0] ? 1 : 0
    if (matched === LINK.length) {
      if (links.length >= maxLinks) throw new LinkLimitError(maxLinks)
      links.push(CID.parse(JSON.parse(target) as string))
      matched = 0
    }
  }
  return links
}

/** Strings with their quotes, and single characters; spaces left out, numbers and words taken apart. */
function * tokens (text: string): Generator<string, void, undefined> {
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === ' ' || char === '\n' || char === '\r' || char === '\t') continue
    if (char !== '"') {
      yield char
      continue
    }
    let end = at + 1
    while (text.charAt(end) !== '"') end += text.charAt(end) === '\\' ? 2 : 1
    yield text.slice(at, end + 1)
    at = end
  }
}
