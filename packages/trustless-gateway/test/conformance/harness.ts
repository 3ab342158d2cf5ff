/** One gateway, asked in every form that it has: a function of the web, HTTP/1.1 and HTTP/2. */
import type { Block } from '@dagstore-tooling/fixtures'
import type { Node } from '@dagstore-tooling/fixtures/gateway'
import { CID } from 'multiformats/cid'
import { describe } from 'vitest'
import { createGateway, type Gateway, type GatewayOptions } from '../../src/index.ts'
import { type ReadCar, readCar } from '../clients/car-stream.ts'
import { type Asked, askHttp1, askHttp2, type Asking, askWeb, type Begun } from './forms.ts'

export type { Asked, Begun }

export interface Answered extends Pick<Begun, 'status' | 'headers'> {
  readonly body: Uint8Array
  /** `false`: broken off; `body` is what came until then. */
  readonly whole: boolean
}

export interface Place {
  begin (target: string, asked?: Asked): Promise<Begun>
  ask (target: string, asked?: Asked): Promise<Answered>
  close (): Promise<void>
}

export type Form = 'web' | 'http/1.1' | 'http/2'

const ASKING: Readonly<Record<Form, (gateway: Gateway) => Asking | Promise<Asking>>> = { 'web': askWeb, 'http/1.1': askHttp1, 'http/2': askHttp2 }

export const FORMS: readonly Form[] = ['web', 'http/1.1', 'http/2']

export const openPlace = async (form: Form, gateway: Gateway): Promise<Place> => {
  const { begin, close } = await ASKING[form](gateway)
  return { begin, close, ask: async (target, asked) => wholeOf(await begin(target, asked)) }
}

export const wholeOf = async ({ status, headers, body }: Begun): Promise<Answered> => {
  const chunks: Uint8Array[] = []
  let whole = true
  try {
    for await (const chunk of body) chunks.push(chunk)
  } catch {
    whole = false
  }
  return { status, headers, whole, body: Uint8Array.from(Buffer.concat(chunks)) }
}

/** A gateway that is closed when `use` is done. */
export const withPlace = async (form: Form, options: GatewayOptions, use: (place: Place) => Promise<void>): Promise<void> => {
  const place = await openPlace(form, createGateway(options))
  try {
    await use(place)
  } finally {
    await place.close()
  }
}

/** The same tests in every form. */
export const inEveryForm = (title: string, tests: (form: Form) => void): void => {
  for (const form of FORMS) describe(`${title}, by ${form}`, () => { tests(form) })
}

export const cidOf = (of: Block | Node): string => CID.decode('block' in of ? of.block.cid : of.cid).toString()

/** Each once, as text, in order; identity CIDs are none of them. */
export const once = (blocks: readonly Block[]): string[] => [...new Set(blocks.filter(({ multihash }) => multihash[0] !== 0).map(cidOf))]

export const carOf = ({ body }: Answered): Promise<ReadCar> => readCar((async function * () { yield body })())

export const cidsOf = async (answered: Answered): Promise<string[]> => (await carOf(answered)).blocks.map(({ cid }) => cid.toString())

export const textOf = ({ body }: Answered): string => new TextDecoder().decode(body)
