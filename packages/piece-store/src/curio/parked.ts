/** The state of deals whose piece is parked, and of parked pieces without a deal; Curio has no states in these tables. */
export const PARKED = 'parked'
