/** Who is on the other side, as it is shown. */

/** As Lotus writes a peer that is none. */
const NOBODY = '11'

export const shownPeer = (peer: string): string => peer === NOBODY ? '' : shownUrl(peer)

/** Without the slash that makes a URL a folder. */
export const shownUrl = (url: string): string => url.replace(/^(https?:\/\/[^/]+)\/$/, '$1')
