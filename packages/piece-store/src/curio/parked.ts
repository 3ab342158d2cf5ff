/** The state of what lies in Curio's piece park; Curio has no states in these tables. */
export const PARKED = 'parked'

/** Whose sectors parked pieces are, as Curio names their files: `piece/s-t00-<id>`. No miner has this actor id. */
export const PARK_MINER = 0n
