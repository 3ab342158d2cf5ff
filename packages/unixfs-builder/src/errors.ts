/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type UnixfsErrorCode =
  | 'UNIXFS_BAD_NAME'
  | 'UNIXFS_DIRECTORY_TOO_LARGE'
  | 'UNIXFS_LINK'

/** A tree that cannot be written as UnixFS. */
export class UnixfsError extends Error {
  override readonly name = 'UnixfsError'
  readonly code: UnixfsErrorCode
  /** The entry at fault, below the root of the tree; empty for the root itself. */
  readonly path: string

  constructor (code: UnixfsErrorCode, message: string, options: ErrorOptions & { path: string }) {
    super(message, options)
    this.code = code
    this.path = options.path
  }
}

/** @param path - of the directory */
export const badName = (path: string, name: string, why: string): UnixfsError => {
  const at = pathOf(path, name)
  return new UnixfsError('UNIXFS_BAD_NAME', `${why}; path=${JSON.stringify(at)}`, { path: at })
}

export const pathOf = (path: string, name: string): string => path === '' ? name : `${path}/${name}`
