/** How many there are, in all and of each client. */

export interface Count {
  readonly size: number
  /** `undefined`: there are too many. Otherwise to be called once, when it is over. */
  enter (client: string): (() => void) | undefined
}

export const createCount = (most: number, mostOfClient: number): Count => {
  const clients = new Map<string, number>()
  let size = 0
  return {
    get size () { return size },
    enter: (client) => {
      const own = clients.get(client) ?? 0
      if (size >= most || own >= mostOfClient) return undefined
      size++
      clients.set(client, own + 1)
      let left = false
      return () => {
        if (left) return
        left = true
        size--
        const rest = (clients.get(client) ?? 1) - 1
        if (rest === 0) clients.delete(client)
        else clients.set(client, rest)
      }
    },
  }
}
