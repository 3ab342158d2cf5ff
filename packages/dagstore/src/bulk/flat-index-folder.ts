/**
 * The folder in which the Go DAG store keeps its indices: `<key>.full.idx` for each shard, flat, and `.version`, which holds
 * the text `1`. Source: dagstore `index/repo_fs.go`.
 */
import { type CallOptions, type Directory, IoError } from '@dagstore/io'
import { DagstoreError } from '../errors.ts'

const VERSION_FILE = '.version'
const VERSION = '1'
const ENDING = '.full.idx'
/** What file systems allow for a name, in bytes. */
const MAX_NAME_BYTES = 255

/** @throws {DagstoreError} `DAGSTORE_BAD_KEY`: no file of a flat folder can have the key as its name */
export const flatName = (key: string): string => {
  const name = `${key}${ENDING}`
  // eslint-disable-next-line no-control-regex -- a name with control characters is what is refused
  if (/[/\\\u0000-\u001f]/u.test(key) || new TextEncoder().encode(name).byteLength > MAX_NAME_BYTES) {
    throw new DagstoreError('DAGSTORE_BAD_KEY', `key is no file name; key=${JSON.stringify(key)}`, { key })
  }
  return name
}

/** `undefined`: the name of another file. */
export const keyOfFlatName = (name: string): string | undefined =>
  name.endsWith(ENDING) && name.length > ENDING.length ? name.slice(0, -ENDING.length) : undefined

/** Whether the folder says that it is one, or says nothing. @throws {DagstoreError} `DAGSTORE_BAD_FORMAT`: of another version. `IO_*` */
export const checkVersion = async (directory: Directory, { signal }: CallOptions): Promise<boolean> => {
  let found: string
  try {
    const source = await directory.openSource(VERSION_FILE, { signal })
    try {
      found = new TextDecoder().decode(await source.read(0, Math.min(source.sizeBytes, 64), { signal })).trim()
    } finally {
      await source.close()
    }
  } catch (error) {
    if (error instanceof IoError && error.code === 'IO_NOT_FOUND') return false
    throw error
  }
  if (found !== VERSION) throw new DagstoreError('DAGSTORE_BAD_FORMAT', `folder of indices is of another version; supported=${VERSION} found=${JSON.stringify(found)}`)
  return true
}

export const writeVersion = async (directory: Directory, { signal }: CallOptions): Promise<void> => {
  await directory.writeAtomic(VERSION_FILE, [new TextEncoder().encode(VERSION)], { signal })
}
