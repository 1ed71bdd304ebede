import { styles } from './styles.js'

/** Rows under headings, in columns two spaces apart and without rules: as kubectl and helm print them. */
export async function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): Promise<string> {
  const { default: Table } = await import('cli-table3')
  const style = styles(process.stdout)
  const none = Object.fromEntries(
    ['top', 'bottom', 'left', 'right', 'mid', 'middle']
      .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`, `mid-mid`])
      .map((side) => [side, '']),
  )
  const grid = new Table({
    head: headings.map((heading) => style.bold(heading)),
    chars: { ...none, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  })
  grid.push(...rows.map((row) => [...row]))
  return grid
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}
