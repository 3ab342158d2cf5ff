/** Which indices became current while somebody lists all shards: what they hold may not have been listed. */

export interface Watched {
  /** The index with this number became current, or was about to, since the watch began. */
  isNew(shardNumber: number): boolean
  end(): void
}

export class CommitWatch {
  readonly #watchers: Set<Set<number>> = new Set()

  /** To be called before the commit: nobody may find it earlier. */
  note (shardNumber: number): void { for (const numbers of this.#watchers) numbers.add(shardNumber) }

  begin (): Watched {
    const numbers = new Set<number>()
    this.#watchers.add(numbers)
    return { isNew: (shardNumber) => numbers.has(shardNumber), end: () => { this.#watchers.delete(numbers) } }
  }
}
