/** The provider with which the demo makes deals: it has the same store as the client, and answers in the same process. */

/**
 * What the client calls it, in its records too, since it answers at another port each time. No name that somebody else could have, so that
 * nobody is asked about these deals where nobody answers for it.
 */
export const OWN_PROVIDER = 'http://provider.demo.invalid/'

const { origin: ORIGIN } = new URL(OWN_PROVIDER)

export const isOwnProvider = (url: string | URL): boolean => URL.canParse(String(url)) && new URL(url).origin === ORIGIN

/** `undefined`: the request is for somebody else. */
export type OwnAnswer = (request: Request) => Promise<Response | undefined>

/** @param answer - left out: nobody answers for it here */
export const withOwnProvider = (send: typeof fetch, answer?: OwnAnswer): typeof fetch => async (input, init) => {
  if (!isOwnProvider(input instanceof Request ? input.url : input)) return send(input, init)
  const response = await answer?.(new Request(input, init))
  if (response === undefined) throw new TypeError('it answers where a daemon runs on this store')
  return response
}
