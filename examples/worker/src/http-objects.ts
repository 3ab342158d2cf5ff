/** Objects as files of a web server that knows ranges. */
import { openHttpSource } from '@dagstore/io/http'
import type { Objects } from './objects.ts'

/**
 * @param origin - an absolute URL; keys stand below it
 * @param spend - called before each request; what it throws ends the read
 * @throws {TypeError} no URL
 */
export const createHttpObjects = (origin: string, spend: () => void): Objects => {
  const base = new URL(origin.endsWith('/') ? origin : `${origin}/`)
  const urlOf = (key: string): URL => new URL(key.split('/').map(encodeURIComponent).join('/'), base)
  let failure: { readonly error: unknown } | undefined
  const counted: typeof fetch = async (url, init) => {
    try {
      spend()
    } catch (error) {
      failure = { error }
      throw error
    }
    // whoever follows a redirection makes a request that nobody counted
    return fetch(url, { ...init, redirect: 'manual' })
  }
  /** What `spend` threw as it was, not as a request that got no answer. */
  const unchanged = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (error) {
      throw failure === undefined || !(error instanceof Error) || error.cause !== failure.error ? error : failure.error
    }
  }
  return {
    end: async (key, length) => {
      const source = await unchanged(openHttpSource(urlOf(key), { fetch: counted, first: { from: 'end', bytes: length } }))
      const { identity, sizeBytes } = source
      const kept = Math.min(length, sizeBytes)
      return { version: { sizeBytes, etag: identity.kind === 'version' ? identity.tag : undefined }, bytes: await unchanged(source.read(sizeBytes - kept, kept)) }
    },
    open: async (key, known) => {
      const source = await openHttpSource(urlOf(key), { fetch: counted, known })
      return { ...source, read: (at, length, options) => unchanged(source.read(at, length, options)) }
    },
  }
}
