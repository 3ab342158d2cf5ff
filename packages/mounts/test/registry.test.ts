import { describe, expect, it } from 'vitest'
import { bytesMount, createMountRegistry, fileMount } from '../src/index.ts'

const files = fileMount({ open: async () => { throw new Error('unused') }, stat: async () => undefined })

describe('createMountRegistry', () => {
  it('finds the factory by the scheme, in any case of letters', () => {
    const registry = createMountRegistry([bytesMount(), files])
    expect(registry.resolve('BYTES:AAAA').url).toBe('bytes:AAAA')
    expect(registry.resolve('file:/x').url).toBe('file:///x')
  })

  it('D21: refuses an unknown scheme when the URL is resolved', () => {
    expect(() => createMountRegistry([bytesMount()]).resolve('lotus://baga')).toThrow(expect.objectContaining({ code: 'MOUNT_UNKNOWN_SCHEME' }))
    expect(() => createMountRegistry([]).resolve('bytes:AAAA')).toThrow(expect.objectContaining({ code: 'MOUNT_UNKNOWN_SCHEME' }))
  })

  it.each(['', 'x', '/x', ':x', '1a:x', ' file:x', 'fi le:x'])('refuses %j, which has no scheme', (url) => {
    expect(() => createMountRegistry([files]).resolve(url)).toThrow(expect.objectContaining({ code: 'MOUNT_BAD_URL' }))
  })

  it('does not take what every object has for a scheme', () => {
    expect(() => createMountRegistry([]).resolve('constructor:x')).toThrow(expect.objectContaining({ code: 'MOUNT_UNKNOWN_SCHEME' }))
  })

  it('refuses two factories of one scheme, and a scheme that is none', () => {
    expect(() => createMountRegistry([bytesMount(), bytesMount()])).toThrow(TypeError)
    for (const scheme of ['', 'Bytes', 'a:', '1a']) expect(() => createMountRegistry([{ ...bytesMount(), scheme }])).toThrow(TypeError)
  })
})
