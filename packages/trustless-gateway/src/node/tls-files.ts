/** The certificate of a server and its key, in files that are renewed every few weeks while it runs. */
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { GatewayServerError } from './errors.ts'

export interface TlsFiles {
  /** The certificate and those that it rests on, as PEM. */
  readonly certFile: string
  /** Its private key, as PEM. */
  readonly keyFile: string
}

export interface TlsPair { readonly cert: Uint8Array, readonly key: Uint8Array }

/** @throws {GatewayServerError} `GATEWAY_BAD_CERTIFICATE`: a file cannot be read, is no PEM, or they do not belong together */
export const readTlsFiles = async ({ certFile, keyFile }: TlsFiles): Promise<TlsPair> => {
  const cert = await read(certFile, 'certificate')
  const key = await read(keyFile, 'key')
  check({ cert }, `not a certificate as PEM; file=${certFile}`)
  check({ key }, `not a private key as PEM, or one with a passphrase; file=${keyFile}`)
  check({ cert, key }, `the key is not that of the certificate; cert=${certFile} key=${keyFile}`)
  return { cert, key }
}

const read = (file: string, what: string): Promise<Uint8Array> => readFile(file).catch((cause: unknown) => {
  throw new GatewayServerError('GATEWAY_BAD_CERTIFICATE', `the ${what} cannot be read; file=${file}`, { cause })
})

const check = (pair: { readonly cert?: Uint8Array, readonly key?: Uint8Array }, message: string): void => {
  try {
    createSecureContext({ ...(pair.cert === undefined ? {} : { cert: Buffer.from(pair.cert) }), ...(pair.key === undefined ? {} : { key: Buffer.from(pair.key) }) })
  } catch (cause) {
    throw new GatewayServerError('GATEWAY_BAD_CERTIFICATE', message, { cause })
  }
}
