/** What the scanners throw where a block has more links than their caller wants to hold. */
export class LinkLimitError extends RangeError {
  constructor (maxLinks: number) {
    super(`more links than allowed; max=${maxLinks}`)
  }
}
