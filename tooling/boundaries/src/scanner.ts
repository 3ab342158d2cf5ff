/** A scanner that knows just enough of TypeScript to tell code from comments, strings, templates and regular expressions. */

export interface ScannedSource {
  /** As long as the source, line for line; comments and the insides of literals are spaces, quotes stay. */
  readonly code: string
  /** The value of each string, and of each template without substitutions, by the offset of its opening quote. */
  readonly strings: ReadonlyMap<number, string>
}

const WORDS_BEFORE_REGEX = /(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|delete|throw|new|await|yield|instanceof)$/
const VALUE_END = /[\w$)\]}'"`]/

const blank = (text: string): string => text.replaceAll(/[^\n]/g, ' ')

/** Whether a `/` after this code starts a regular expression rather than divides. */
const regexMayStart = (before: string): boolean => {
  const code = before.trimEnd()
  return code === '' || !VALUE_END.test(code.at(-1) ?? '') || WORDS_BEFORE_REGEX.test(code)
}

const endOfQuoted = (source: string, start: number): number => {
  const quote = source[start]
  let at = start + 1
  while (at < source.length && source[at] !== quote && source[at] !== '\n') at += source[at] === '\\' ? 2 : 1
  return Math.min(at, source.length)
}

const endOfRegex = (source: string, start: number): number => {
  let at = start + 1
  let inClass = false
  while (at < source.length && source[at] !== '\n' && (inClass || source[at] !== '/')) {
    if (source[at] === '[') inClass = true
    else if (source[at] === ']') inClass = false
    at += source[at] === '\\' ? 2 : 1
  }
  return Math.min(at, source.length)
}

export const scanSource = (source: string): ScannedSource => {
  const strings = new Map<number, string>()
  // one number per open `${`: how many braces are open inside it
  const substitutions: number[] = []
  let code = ''
  let at = 0

  const take = (end: number): void => { code += source.slice(at, end); at = end }
  const hide = (end: number): void => { code += blank(source.slice(at, end)); at = end }

  /** From behind a back-tick or a closing brace to the end of the template or to its next substitution. */
  const template = (): void => {
    let end = at
    while (end < source.length && source[end] !== '`' && !source.startsWith('${', end)) end += source[end] === '\\' ? 2 : 1
    hide(Math.min(end, source.length))
    if (source[at] === '`') return take(at + 1)
    if (at < source.length) { take(at + 2); substitutions.push(0) }
  }

  while (at < source.length) {
    const char = source[at]
    if (source.startsWith('//', at)) {
      const end = source.indexOf('\n', at)
      hide(end < 0 ? source.length : end)
    } else if (source.startsWith('/*', at)) {
      const end = source.indexOf('*/', at + 2)
      hide(end < 0 ? source.length : end + 2)
    } else if (char === "'" || char === '"') {
      const start = at
      const end = endOfQuoted(source, start)
      strings.set(start, source.slice(start + 1, end))
      take(start + 1)
      hide(end)
      take(Math.min(end + 1, source.length))
    } else if (char === '`') {
      const start = at
      take(at + 1)
      template()
      if (code.at(-1) === '`') strings.set(start, source.slice(start + 1, at - 1))
    } else if (char === '/' && regexMayStart(code.slice(-80))) {
      const end = endOfRegex(source, at)
      take(at + 1)
      hide(end)
      take(Math.min(end + 1, source.length))
    } else {
      const last = substitutions.length - 1
      if (char === '{' && last >= 0) substitutions[last] = (substitutions[last] ?? 0) + 1
      const closes = char === '}' && last >= 0 && substitutions[last] === 0
      if (char === '}' && last >= 0 && !closes) substitutions[last] = (substitutions[last] ?? 0) - 1
      take(at + 1)
      if (closes) {
        substitutions.pop()
        template()
      }
    }
  }
  return { code, strings }
}

/** The line of an offset, from 1. */
export const lineAt = (text: string, offset: number): number => text.slice(0, offset).split('\n').length
