/** What is named on the command line of a DAG: `CID`, `CID/a/b`, `/ipfs/CID/a/b`, `ipfs://CID/a/b`. */
import type { CID } from 'multiformats/cid'
import { parseCid } from '../car/cid-argument.ts'
import { pathSegments } from '../car/unixfs.ts'
import { CommandError } from '../failure.ts'

export interface DagPath {
  readonly root: CID
  /** Below the root: `a/b/c`; '' is the root itself. */
  readonly path: string
}

/**
 * @param more - `--path`, which takes the place of one behind the CID
 * @throws {CommandError} `COMMAND_USAGE`: no CID, a path with empty parts, `.` or `..`, or two paths
 */
export const parseDagPath = (text: string, more?: string): DagPath => {
  const [name = '', ...rest] = text.replace(/^(?:ipfs:\/\/|\/ipfs\/)/, '').split('/')
  const behind = pathSegments(`/${rest.join('/')}`).join('/')
  if (behind !== '' && more !== undefined) throw new CommandError('COMMAND_USAGE', `two paths: ${behind} and ${more}`)
  return { root: parseCid(name), path: behind === '' ? pathSegments(more ?? '').join('/') : behind }
}
