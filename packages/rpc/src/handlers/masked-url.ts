/** Mount URLs for those who may read, and not see what lets others in. */
import { FIRST_OF_SCHEME } from '@dagstore/mounts'

/** Without user and password, which mounts refuse anyway, and without a query, which may be a signature; of several in one, each. */
export const maskedUrl = (url: string): string => {
  const colon = url.indexOf(':')
  const [scheme, rest] = [url.slice(0, colon).toLowerCase(), url.slice(colon + 1)]
  switch (scheme) {
    // its names may have any character, and none of them is a query
    case 'file': return url
    // the bytes themselves
    case 'bytes': return `${scheme}:`
    case FIRST_OF_SCHEME: return `${scheme}:${rest.split(',').map(maskedPart).join(',')}`
    default: return url.replace(/[?#].*$/su, '').replace(/^([a-z][a-z0-9+.-]*:[/\\]*)[^/\\]*@/iu, '$1')
  }
}

const maskedPart = (text: string): string => {
  try {
    return encodeURIComponent(maskedUrl(decodeURIComponent(text)))
  } catch {
    return ''
  }
}
