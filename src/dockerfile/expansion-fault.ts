/** Why a text of a Dockerfile cannot be expanded. */

/** Thrown while a text is expanded; whoever knows its place makes the message for the user. */
export class ExpansionFault extends Error {
  override readonly name = 'ExpansionFault';
}
