/** What a fix shows of keys and URLs: command lines as a shell takes them, and no secrets. */
import { FIRST_OF_SCHEME } from '@dagstore/mounts'

/** @param key - the last word, whatever it begins with */
export const command = (name: string, key: string, ...options: readonly string[]): string =>
  ['dagstore', name, ...options, ...(key.startsWith('-') ? ['--'] : []), shellWord(key)].join(' ')

/** The key is followed by the URL of the mount; where that is not known, or not to be shown, the reader puts it in. */
export const registering = (key: string, url: string | undefined): string =>
  `${command('register-shard', key, '--eager')} ${url !== undefined && shownUrl(url) === url ? shellWord(url) : 'URL'}`

const MAX_URL_CHARACTERS = 200

/** In a URL that holds others, theirs are encoded once for each level. */
const QUERY_WITHIN = /\?|%(?:25)*3f/i

/** Without its query, which may sign a request, and not longer than people read; of several in one, nothing behind the first query. */
export const shownUrl = (url: string): string => {
  const query = url.toLowerCase().startsWith(`${FIRST_OF_SCHEME}:`) ? url.search(QUERY_WITHIN) : url.indexOf('?')
  const shown = query < 0 ? url : `${url.slice(0, query)}?…`
  return shown.length > MAX_URL_CHARACTERS ? `${shown.slice(0, MAX_URL_CHARACTERS)}…` : shown
}

const shellWord = (text: string): string => /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
