/**
 * Several mounts in one URL: the URLs of each, percent-encoded, with commas between them.
 *
 *     first-of:file%3A%2F%2F%2Fdata%2Fa.car,https%3A%2F%2Fexample.com%2Fa.car
 */
import { MountError } from './errors.ts'
import { afterScheme } from './url-scheme.ts'

export const FIRST_OF_SCHEME = 'first-of'
/** Mounts in one. */
export const MAX_MOUNTS = 64

export const encodeFirstOf = (urls: readonly string[]): string => `${FIRST_OF_SCHEME}:${urls.map(encodeURIComponent).join(',')}`

/** @throws {MountError} `MOUNT_BAD_URL` */
export const decodeFirstOf = (url: string): readonly string[] => {
  const texts = afterScheme(url, FIRST_OF_SCHEME).split(',')
  if (texts.length > MAX_MOUNTS) throw new MountError('MOUNT_BAD_URL', `too many URLs in one; max=${MAX_MOUNTS}`)
  return texts.map((text) => {
    try {
      const inner = decodeURIComponent(text)
      encodeURIComponent(inner) // refuses lone surrogates
      return inner
    } catch (cause) {
      throw new MountError('MOUNT_BAD_URL', 'first-of URL with a bad escape', { cause })
    }
  })
}
