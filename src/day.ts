/** The day of a moment, in UTC: `2026-11-24`. Text is a time as ISO 8601 has it. */
export function day(time: Date | string): string {
  return (typeof time === 'string' ? time : time.toISOString()).slice(0, 10)
}
