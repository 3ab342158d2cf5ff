/** The control: the bundle for browsers, in Node. */
import { pathToFileURL } from 'node:url'

export const packages = []

export const runIn = async ({ bundle, base }) => (await import(pathToFileURL(bundle).href)).run(base)
