/** `HOST:PORT`, as `--listen` takes it. */

export interface ListenAddress {
  /** Without brackets. */
  readonly host: string
  /** 0: any that is free. */
  readonly port: number
}

/** `127.0.0.1:2350`, `localhost:0`, `[::1]:2350`, `:2350` for all addresses. `undefined`: none of these. */
export const parseListen = (text: string): ListenAddress | undefined => {
  const [, v6, name, digits] = /^(?:\[([0-9a-f:.]+)\]|([\w.-]*)):(\d{1,5})$/iu.exec(text) ?? []
  const port = Number(digits)
  if (digits === undefined || port > 65_535) return undefined
  const host = v6 ?? name ?? ''
  return { host: host === '' ? '0.0.0.0' : host, port }
}

/** Where a process on this machine reaches who listens there. @param port - the real one */
export const localUrl = (host: string, port: number): string => {
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${reached.includes(':') ? `[${reached}]` : reached}:${port}`
}
