/** The scheme of a URL, and what follows it. */
import { MountError } from './errors.ts'

/** Lower case. @throws {MountError} `MOUNT_BAD_URL`: the text does not start with a scheme */
export const schemeOf = (url: string): string => {
  const scheme = /^([a-z][a-z0-9+.-]*):/iu.exec(url)?.[1]
  if (scheme === undefined) throw new MountError('MOUNT_BAD_URL', 'a mount URL starts with a scheme and a colon')
  return scheme.toLowerCase()
}

/** What follows `scheme:`. @throws {MountError} `MOUNT_BAD_URL`: another scheme */
export const afterScheme = (url: string, scheme: string): string => {
  const found = schemeOf(url)
  if (found !== scheme) throw new MountError('MOUNT_BAD_URL', `URL of another scheme; want=${scheme} got=${found}`)
  return url.slice(scheme.length + 1)
}
