import { toJson } from '@dagstore/json-rpc'
import { describe, expect, it } from 'vitest'
import { METHOD_NAMES, METHODS, openRpcDocument } from '../src/index.ts'
import { rpcPage } from './rpc-page.ts'

/** Digits stay digits; indented, so that a change is one of few lines. */
const pretty = (text: string): string => {
  const kept = text.replace(/:(\d{16,})/g, ':"digits $1"')
  return `${JSON.stringify(JSON.parse(kept), null, 1).replace(/"digits (\d+)"/g, '$1')}\n`
}

describe('documents made from the methods', () => {
  it('are those that are committed: docs/rpc.md', async () => {
    await expect(rpcPage()).toMatchFileSnapshot('../../../docs/rpc.md')
  })

  it('are those that are committed: docs/openrpc.json', async () => {
    await expect(pretty(toJson(openRpcDocument()))).toMatchFileSnapshot('../../../docs/openrpc.json')
  })

  it('name every method, its parameters in order, and the values of streams', () => {
    const { methods } = openRpcDocument()
    expect(methods.map(({ name }) => name)).toEqual(METHOD_NAMES.map((name) => METHODS[name].name))
    for (const [at, { params, result, ...method }] of methods.entries()) {
      const { stream, required, params: known } = METHODS[METHOD_NAMES[at] as keyof typeof METHODS]
      expect(params.map((param) => [param.name, param.required])).toEqual(known.map(({ name }, place) => [name, place < required]))
      expect('x-stream' in method).toBe(stream)
      expect(stream ? result.schema['type'] === 'integer' : true).toBe(true)
    }
  })

  it('refer to no type that is not described', () => {
    const document = openRpcDocument()
    for (const [reference] of toJson(document).matchAll(/#\/components\/schemas\/[^"]+/g)) {
      expect(Object.keys(document.components.schemas)).toContain(reference.split('/').at(-1))
    }
  })
})
