import { expect, it } from 'vitest'
import { isOwnProvider, OWN_PROVIDER, withOwnProvider } from '../src/client/own-provider.ts'

const away: typeof fetch = async (input) => new Response(`away ${String(input)}`)
const textOf = async (response: Promise<Response>): Promise<string> => (await response).text()

it('asks this process about what is its own, with all that was said, and others over the network', async () => {
  const asked: Request[] = []
  const send = withOwnProvider(away, async (request) => {
    asked.push(request)
    return new Response(`here ${await request.text()}`)
  })
  expect(await textOf(send(new URL('deals/v1/proposals', OWN_PROVIDER), { method: 'POST', body: 'words', headers: { 'x-transfer-token': 't' } }))).toBe('here words')
  expect(await textOf(send(new Request(`${OWN_PROVIDER}deals/v1/ask`)))).toBe('here ')
  expect(asked.map(({ method, url, headers }) => [method, url, headers.get('x-transfer-token')])).toEqual([['POST', `${OWN_PROVIDER}deals/v1/proposals`, 't'], ['GET', `${OWN_PROVIDER}deals/v1/ask`, null]])
  for (const other of ['http://provider.example/deals/v1/ask', 'http://provider.demo.invalid.example/', 'https://provider.demo.invalid/']) expect(await textOf(send(other))).toBe(`away ${other}`)
})

it('asks nobody where nobody answers for it, and fails where it is for somebody else after all', async () => {
  for (const send of [withOwnProvider(away), withOwnProvider(away, async () => undefined)]) await expect(send(OWN_PROVIDER)).rejects.toThrow(TypeError)
})

it('is no name that is none', () => {
  expect(['', 'f01000', 'provider.demo.invalid', OWN_PROVIDER, 'http://provider.demo.invalid'].map(isOwnProvider)).toEqual([false, false, false, true, true])
})
