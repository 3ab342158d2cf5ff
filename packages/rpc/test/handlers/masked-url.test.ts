import { describe, expect, it } from 'vitest'
import { maskedUrl } from '../../src/handlers/masked-url.ts'

describe('maskedUrl', () => {
  const inner = 'https://user:secret@cars.example/a.car?X-Signature=secret#secret'
  it.each([
    ['https://cars.example/a.car?X-Signature=secret', 'https://cars.example/a.car'],
    ['https://user:secret@cars.example/a.car', 'https://cars.example/a.car'],
    ['https://user:x@secret@cars.example/a@b.car', 'https://cars.example/a@b.car'],
    ['https:user:secret@cars.example/a.car', 'https:cars.example/a.car'],
    ['https:\\\\user:secret@cars.example\\a.car', 'https:\\\\cars.example\\a.car'],
    ['HTTPS://cars.example/a.car#secret', 'HTTPS://cars.example/a.car'],
    ['lotus://baga6ea4', 'lotus://baga6ea4'],
    ['file:///data/what%3F/a@b.car', 'file:///data/what%3F/a@b.car'],
    ['bytes:c2VjcmV0', 'bytes:'],
    [`first-of:file%3A%2F%2F%2Fa%253F.car,${encodeURIComponent(inner)}`, `first-of:file%3A%2F%2F%2Fa%253F.car,${encodeURIComponent('https://cars.example/a.car')}`],
    [`first-of:${encodeURIComponent(`first-of:${encodeURIComponent(inner)}`)}`, `first-of:${encodeURIComponent(`first-of:${encodeURIComponent('https://cars.example/a.car')}`)}`],
    ['first-of:%E0%A4%A,secret%', 'first-of:,'],
  ])('%s', (url, masked) => {
    expect(maskedUrl(url)).toBe(masked)
    expect(maskedUrl(url)).not.toContain('secret')
  })
})
