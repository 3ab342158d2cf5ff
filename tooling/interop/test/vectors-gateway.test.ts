/** The blocks that boxo's gateway sends, as `go/gateway` wrote them down. */
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { type GatewayAnswer, type GatewayRequest, ourAnswer, readSections, wantedAnswer } from './gateway-cases.ts'

const vector = (name: string): Promise<Uint8Array> => readFile(new URL(`../vectors-gateway/${name}`, import.meta.url))
const sections = await readSections(await vector('dags.car'))
const cases = JSON.parse(new TextDecoder().decode(await vector('answers.json'))) as (GatewayRequest & GatewayAnswer)[]

describe('walkPath', () => {
  it.each([0, 4])('answers as boxo\'s gateway does, lookAhead=%d', async (lookAhead) => {
    expect(cases.length).toBeGreaterThan(2000)
    for (const { sent, failed, inside, ...request } of cases) {
      const { sent: ours, code } = await ourAnswer(sections, request, { lookAhead })
      const wanted = wantedAnswer(request, { sent, ...(failed === undefined ? {} : { failed }), ...(inside === undefined ? {} : { inside }) })
      expect({ request, sent: ours, failed: code !== undefined }).toEqual({ request, ...wanted })
    }
  })

  it('says why where boxo only fails', async () => {
    const codes = new Map<string, number>()
    for (const request of cases.filter(({ failed }) => failed === 'error')) {
      const { code = 'none' } = await ourAnswer(sections, request)
      codes.set(code, (codes.get(code) ?? 0) + 1)
    }
    expect([...codes.keys()].sort()).toEqual(['BLOCKSTORE_NOT_FOUND', 'DAG_NOT_DIRECTORY', 'DAG_NO_LINK'])
  })
})
