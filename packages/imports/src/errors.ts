/** Codes are stable within a major version and listed in README.md; messages are for people and may change. */
export type ImportErrorCode =
  | 'IMPORT_BAD_CAR'
  | 'IMPORT_BROKEN'
  | 'IMPORT_CLOSED'
  | 'IMPORT_FAILED'
  | 'IMPORT_NO_SOURCE'
  | 'IMPORT_UNKNOWN'

/** An import cannot be made, found, read or removed. */
export class ImportError extends Error {
  override readonly name = 'ImportError'
  readonly code: ImportErrorCode
  /** The import at fault, where there is one. */
  readonly id: bigint | undefined

  constructor (code: ImportErrorCode, message: string, options: ErrorOptions & { readonly id?: bigint } = {}) {
    super(message, options)
    this.code = code
    this.id = options.id
  }
}

export const unknownImport = (id: bigint): ImportError => new ImportError('IMPORT_UNKNOWN', `no such import; id=${id}`, { id })
