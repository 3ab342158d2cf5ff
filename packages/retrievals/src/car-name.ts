/** Names of retrieved files. */
import { RetrievalError } from './errors.ts'

const ID = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/u
const SUFFIX = '.car'

/**
 * `<id>.car`.
 *
 * @param id - letters, digits, `.`, `_`, `-`, at most 200, the first no dot: a deal's number, a CID
 * @throws {RetrievalError} `RETRIEVAL_BAD_ID`
 */
export const carName = (id: string): string => {
  if (ID.test(id)) return `${id}${SUFFIX}`
  throw new RetrievalError('RETRIEVAL_BAD_ID', `bad retrieval id; want=1 to 200 letters, digits, ".", "_", "-" got=${JSON.stringify(id.slice(0, 250))}`)
}

/** @throws {RetrievalError} `RETRIEVAL_BAD_ID`: not the name of a retrieved file */
export const checkCarName = (name: string): string => carName(name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : '')
