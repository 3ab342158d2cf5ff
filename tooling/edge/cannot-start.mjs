/** A host that this machine cannot run, with the reason. */
export class CannotStart extends Error {}
