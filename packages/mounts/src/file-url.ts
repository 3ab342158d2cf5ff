/**
 * File paths as URLs, both ways without loss.
 *
 *     /data/a b.car      file:///data/a%20b.car
 *     //server/x.car     file:////server/x.car
 *     shards/a#1.car     file:shards/a%231.car      relative: what to, says the file port
 *
 * Source: RFC 8089. Stricter: no host besides `localhost`, no query, no fragment, UTF-8 only. Looser: relative paths.
 */
import { MountError } from './errors.ts'
import { afterScheme } from './url-scheme.ts'

/**
 * The canonical URL of a path; `.`, `..` and doubled slashes stay as they are.
 *
 * @throws {TypeError} empty, with a NUL, or not Unicode text (a lone surrogate)
 */
export const fileUrl = (path: string): string => {
  if (path === '' || path.includes('\0')) throw new TypeError('a file path is not empty and has no NUL')
  try {
    const encoded = path.split('/').map(encodeURIComponent).join('/')
    return path.startsWith('/') ? `file://${encoded}` : `file:${encoded}`
  } catch (cause) {
    throw new TypeError('a file path is Unicode text', { cause })
  }
}

/** The path that {@link fileUrl} was given. @throws {MountError} `MOUNT_BAD_URL` */
export const filePath = (url: string): string => {
  const rest = afterScheme(url, 'file')
  if (/[?#]/u.test(rest)) throw new MountError('MOUNT_BAD_URL', 'file URL with a query or fragment; in a path, write ? as %3F and # as %23')
  const path = decodePath(rest.startsWith('//') ? withoutHost(rest) : rest)
  if (path === '' || path.includes('\0')) throw new MountError('MOUNT_BAD_URL', 'file URL without a path, or with a NUL in it')
  return path
}

const withoutHost = (rest: string): string => {
  const slash = rest.indexOf('/', 2)
  const host = slash === -1 ? rest.slice(2) : rest.slice(2, slash)
  if (host !== '' && host.toLowerCase() !== 'localhost') throw new MountError('MOUNT_BAD_URL', 'file URL of another host; an absolute path has three slashes: file:///')
  return slash === -1 ? '' : rest.slice(slash)
}

const decodePath = (text: string): string => {
  try {
    const path = decodeURIComponent(text)
    encodeURIComponent(path) // refuses lone surrogates that stood in the URL unescaped
    return path
  } catch (cause) {
    throw new MountError('MOUNT_BAD_URL', 'file URL with a bad escape; a % in a path is written %25, and paths are UTF-8', { cause })
  }
}
