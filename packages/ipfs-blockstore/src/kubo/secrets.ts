/** Keeps what lets us in out of messages. */

export interface Secrets {
  hide(text: string): string
  /** The error, or nothing if something in it would tell. */
  clean(error: unknown): unknown
}

const MIN_SECRET = 4

/**
 * The URL without user and password, which go into a header: `fetch` takes none in URLs.
 *
 * @throws {TypeError} no URL of http or https, or headers that cannot be sent; without saying what they hold
 */
export const withoutCredentials = (url: string | URL, given: Readonly<Record<string, string>>): { readonly base: URL, readonly headers: Readonly<Record<string, string>>, readonly secrets: Secrets } => {
  const base = parsed(url)
  const { username, password } = base
  const headers: Record<string, string> = { ...given }
  if (username !== '' || password !== '') headers['authorization'] = `Basic ${btoa(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`)}`
  base.username = base.password = base.search = base.hash = ''
  base.pathname = `${base.pathname.replace(/\/(api\/v0\/?)?$/u, '')}/`
  checkHeaders(headers)
  const values = [...Object.values(headers).flatMap((value) => [value, ...value.split(/\s+/u)]), password, decodeURIComponent(password)]
  return { base, headers, secrets: createSecrets(values) }
}

const parsed = (url: string | URL): URL => {
  const text = String(url)
  if (!URL.canParse(text) || !/^https?:$/u.test(new URL(text).protocol)) throw new TypeError('url of an IPFS node; want=http://127.0.0.1:5001')
  return new URL(text)
}

/** The platform would quote the value. */
const checkHeaders = (headers: Readonly<Record<string, string>>): void => {
  for (const [name, value] of Object.entries(headers)) {
    try {
      new Headers({ [name]: value })
    } catch {
      throw new TypeError(`header cannot be sent; name=${JSON.stringify(name.slice(0, 40))}`)
    }
  }
}

const createSecrets = (values: readonly string[]): Secrets => {
  // the longest first: one may be part of another
  const secrets = [...new Set(values)].filter(({ length }) => length >= MIN_SECRET).sort((a, b) => b.length - a.length)
  const tells = (text: string): boolean => secrets.some((secret) => text.includes(secret))
  return {
    hide: (text) => secrets.reduce((rest, secret) => rest.replaceAll(secret, '…'), text),
    clean: (error) => {
      for (let cause = error; cause instanceof Error; cause = cause.cause) if (tells(`${cause.message}${cause.stack ?? ''}`)) return undefined
      return error
    },
  }
}
