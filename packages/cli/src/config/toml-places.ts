/** On which line of a TOML document a key stands, for messages: the parser tells values only. */

/** Names below each other, with a dot between. */
const dotted = (text: string): string => text.split('.').map((part) => part.trim().replace(/^(["'])(.*)\1$/, '$2')).join('.')

/**
 * The first line of each table and key, from 1. Of a key inside an inline table, nothing is known.
 *
 * @param text - a document that parses
 */
export const tomlPlaces = (text: string): ReadonlyMap<string, number> => {
  const places = new Map<string, number>()
  const note = (name: string, line: number): void => { if (!places.has(name)) places.set(name, line) }
  let table = ''
  /** The quotes that a string over several lines ends with. */
  let open: string | undefined
  for (const [at, line] of text.split('\n').entries()) {
    if (open === undefined) {
      const header = /^\s*\[\[?([^\]]+)\]\]?\s*(?:#.*)?$/.exec(line)?.[1]
      const key = /^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=/.exec(line)?.[1]
      if (key !== undefined) note(table === '' ? dotted(key) : `${table}.${dotted(key)}`, at + 1)
      else if (header !== undefined) {
        table = dotted(header)
        note(table, at + 1)
      }
    }
    for (const [quotes] of line.matchAll(/"""|'''/g)) open = open === undefined ? quotes : open === quotes ? undefined : open
  }
  return places
}
