/** A line of others made safe to show: a control character could do anything to a terminal. Tabs stay. */
export function printable(line: string): string {
  return line.replaceAll(/(?!\t)\p{Cc}/gu, '�')
}

/** Text of others as one line that is safe to show. */
export function printableLine(text: string): string {
  return printable(text.trim().replaceAll(/\s*[\r\n]\s*/g, ' '))
}
