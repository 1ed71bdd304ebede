import type { HistoryResult } from '../services/history.js'
import { age } from './age.js'
import { styles } from './styles.js'
import { table } from './table.js'

const HEADINGS = ['RELEASE', 'REVISION', 'UPDATED', 'AGE', 'STATUS', 'CHART', 'DESCRIPTION']
const DESCRIPTION_LENGTH = 80

/** The revisions of each release, oldest first. */
export async function historyText({ releases }: HistoryResult, now = Date.now()): Promise<string> {
  if (releases.length === 0) return 'There is no release of app1 or app2.'
  const style = styles(process.stdout)
  const rows = releases.flatMap(({ release, revisions }) =>
    revisions.map(({ revision, updated, status, chart, description }) => {
      const colour = status === 'deployed' ? style.green : status === 'superseded' ? style.dim : style.red
      return [
        release,
        String(revision),
        updated.replace('T', ' ').replace(/(\.\d+)?Z$/, 'Z'),
        age(updated, now),
        colour(status),
        chart,
        shortened(description),
      ]
    }),
  )
  return table(HEADINGS, rows, { cut: 'DESCRIPTION', optional: ['UPDATED'] })
}

/** helm writes whole error messages into descriptions; `--json` has them in full. */
function shortened(description: string): string {
  const line = description.replaceAll(/\s+/g, ' ').trim()
  return line.length > DESCRIPTION_LENGTH ? `${line.slice(0, DESCRIPTION_LENGTH - 1)}…` : line
}
