import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { apiUrl } from '../src/index.ts'
import { apiOf } from '../src/node.ts'
import { codeOf } from './blocks.ts'

let folder: string
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'ipfs-')) })
afterEach(async () => { await rm(folder, { recursive: true, force: true }) })

it.each([
  ['/ip4/127.0.0.1/tcp/5001', 'http://127.0.0.1:5001'],
  ['/ip4/127.0.0.1/tcp/5001/', 'http://127.0.0.1:5001'],
  ['/ip4/127.0.0.1/tcp/5001\n', 'http://127.0.0.1:5001'],
  ['/ip4/0.0.0.0/tcp/5001/http', 'http://127.0.0.1:5001'],
  ['/ip6/::/tcp/5001', 'http://[::1]:5001'],
  ['/ip6/fe80::1/tcp/80/https', 'https://[fe80::1]:80'],
  ['/dns4/node.example/tcp/443/tls/http', 'https://node.example:443'],
  ['https://node.example/prefix', 'https://node.example/prefix'],
])('reads %s', (address, url) => {
  expect(apiUrl(address)).toBe(url)
})

it.each(['', '/', '/unix/run/ipfs', '/ip4/127.0.0.1/udp/5001', '/ip4/127.0.0.1/tcp/0', '/ip4/127.0.0.1/tcp/99999', '/ip4//tcp/5001', '/ip4/1.2.3.4/tcp/1/ws', 'ftp://x', '127.0.0.1:5001', '/dns/a b/tcp/1'])('refuses %j', async (address) => {
  expect(await codeOf(() => apiUrl(address))).toBe('IPFS_BAD_ADDRESS')
})

it('takes the address given, else asks the repository of the node', async () => {
  await writeFile(join(folder, 'api'), '/ip4/127.0.0.1/tcp/4001\n')
  expect(await apiOf({ multiaddr: '/ip4/127.0.0.1/tcp/5001', ipfsPath: folder })).toBe('http://127.0.0.1:5001')
  expect(await apiOf({ multiaddr: '', ipfsPath: folder })).toBe('http://127.0.0.1:4001')
  expect(await apiOf({ env: { IPFS_PATH: folder } })).toBe('http://127.0.0.1:4001')
  expect(await codeOf(() => apiOf({ env: { IPFS_PATH: '', HOME: folder } }))).toBe('IPFS_UNREACHABLE')
  expect(await codeOf(() => apiOf({ multiaddr: 'nonsense' }))).toBe('IPFS_BAD_ADDRESS')
})
