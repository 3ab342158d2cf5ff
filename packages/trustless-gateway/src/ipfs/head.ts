/** The headers of an answer about content. */
import type { Hashes } from '@dagstore/hashes'
import { IMMUTABLE, OPEN_TO_ALL } from '../http/answers.ts'
import { attachmentAs } from './file-name.ts'
import type { ContentPath } from './target.ts'
import type { CarForm, Wanted } from './wanted.ts'

const SHA2_256 = 0x12
/** Of a path's hash in a tag. */
const TAG_BYTES = 12

/** The tag of what is wanted: the same bytes for the same tag, since CARs are written in one way only. */
export const tagOf = ({ name, segments }: ContentPath, { car }: Wanted, hashes: Hashes): string => {
  if (car === undefined) return `"${name}.raw"`
  return `"${name}${segments.length === 0 ? '' : `.${pathTag(segments, hashes)}`}${formTag(car)}.car"`
}

const formTag = ({ scope, entityBytes, duplicates }: CarForm): string =>
  `${scope === 'all' ? '' : `.${scope}`}${entityBytes === undefined ? '' : `.${entityBytes.from}:${entityBytes.to ?? '*'}`}${duplicates ? '.dups' : ''}`

const pathTag = (segments: readonly string[], hashes: Hashes): string =>
  [...hashes.digest(SHA2_256, new TextEncoder().encode(JSON.stringify(segments))).subarray(0, TAG_BYTES)].map((byte) => byte.toString(16).padStart(2, '0')).join('')

/** @param length - of the body, in bytes; `undefined`: not known */
export const headOf = (path: ContentPath, { car, type, name, location }: Wanted, tag: string, length: number | undefined): Record<string, string> => {
  const headers: Record<string, string> = {
    'content-type': type,
    etag: tag,
    'cache-control': IMMUTABLE,
    'content-disposition': name === undefined ? `attachment; filename="${path.name}${car === undefined ? '.bin' : '.car'}"` : attachmentAs(name),
    'x-content-type-options': 'nosniff',
    'x-ipfs-path': path.text,
    'x-ipfs-roots': path.name,
    'accept-ranges': car === undefined ? 'bytes' : 'none',
    vary: 'Accept, Accept-Encoding',
    ...OPEN_TO_ALL,
  }
  if (length !== undefined) headers['content-length'] = `${length}`
  if (location !== undefined) headers['content-location'] = location
  return headers
}
