/** What the operating system's error numbers mean here; nobody else looks at them. */
import { IoError, type IoErrorCode, type Retry } from '../errors.ts'

const CODES: ReadonlyMap<string, IoErrorCode> = new Map([
  ['ENOENT', 'IO_NOT_FOUND'],
  ['ENOTDIR', 'IO_NOT_FOUND'], // something below a file
  ['EEXIST', 'IO_EXISTS'],
  ['EACCES', 'IO_FORBIDDEN'],
  ['EPERM', 'IO_FORBIDDEN'],
  ['EROFS', 'IO_FORBIDDEN'],
  ['ENOSPC', 'IO_FULL'],
  ['EDQUOT', 'IO_FULL'],
])

/** These may pass: the device, its load or its connection may change, or somebody may make room. */
const PASSING: ReadonlySet<string> = new Set([
  'EAGAIN', 'EBUSY', 'EINTR', 'EIO', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENOSPC', 'EDQUOT', 'ESTALE', 'ETIMEDOUT', 'ENOTCONN', 'EHOSTDOWN', 'EHOSTUNREACH',
])

/** The system's name of an error (`ENOENT`), or `undefined` when it is none of the system's. */
export const systemCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

export const retryOf = (error: unknown): Retry => PASSING.has(systemCode(error) ?? '') ? 'later' : 'never'

/**
 * An {@link IoError} for an error of Node's file functions: ENOENT and ENOTDIR are `IO_NOT_FOUND`; EACCES, EPERM and EROFS
 * `IO_FORBIDDEN`; ENOSPC and EDQUOT `IO_FULL`; EEXIST `IO_EXISTS`; everything else `IO_FAILED`. An IoError is given back.
 *
 * @param what - start of the message: what was tried, and on what, as the user named it
 */
export const classifyNodeError = (error: unknown, what: string): IoError => {
  if (error instanceof IoError) return error
  const code = systemCode(error)
  const reason = code ?? (error instanceof Error ? error.name : typeof error)
  return new IoError(CODES.get(code ?? '') ?? 'IO_FAILED', `${what}; reason=${reason}`, { cause: error, retry: retryOf(error) })
}

/** What files, folder entries and their 64-bit forms have in common. Spelt out: declarations that name Node's types ask for `@types/node`. */
export type Kinds = Readonly<Record<'isFile' | 'isDirectory' | 'isSymbolicLink' | 'isFIFO' | 'isSocket' | 'isBlockDevice' | 'isCharacterDevice', () => boolean>>

/** What stands at a path, in words; a socket or device is never opened. */
export const kindOf = (stat: Kinds): string => {
  if (stat.isFile()) return 'file'
  if (stat.isDirectory()) return 'directory'
  if (stat.isSymbolicLink()) return 'link'
  if (stat.isFIFO()) return 'fifo'
  if (stat.isSocket()) return 'socket'
  return stat.isBlockDevice() || stat.isCharacterDevice() ? 'device' : 'unknown'
}
