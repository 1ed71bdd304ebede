import { printable } from '../printable.js'
import type { LoadtestResult } from '../services/loadtest-result.js'
import { escapeHtml } from './html.js'
import { loadtestPicture } from './loadtest-picture.js'
import { cpuText, figuresText, loadText, podsText } from './loadtest-text.js'

const STYLE = `
:root { color-scheme: light; }
body { margin: 2rem auto; max-width: 70rem; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; color: #202124; background: #fff; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem; }
p { margin: .25rem 0; }
figure { margin: 1.5rem 0; }
svg { width: 100%; height: auto; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .3rem 1rem .3rem 0; border-bottom: 1px solid #e8eaed; white-space: nowrap; }
td.text { white-space: normal; }
.kept { color: #146c2e; }
.broken { color: #b3261e; font-weight: 600; }
footer, .quiet { color: #5f6368; }
`

/** One HTML file that shows a load test: no script in it, and nothing that is fetched. */
export function loadtestReport(result: LoadtestResult): string {
  const apps = [...new Set(result.apps.map(({ app }) => app))].join(' and ')
  const title = `Load test of ${apps}`
  const parts = [
    '<!doctype html>',
    '<html lang="en">',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">`,
    `<title>${escapeHtml(`${title}, ${startText(result)}`)}</title>`,
    `<style>${STYLE}</style>`,
    `<h1>${escapeHtml(title)}</h1>`,
    `<p>${escapeHtml(loadText(result))}.</p>`,
    `<p class="quiet">${escapeHtml(`${startText(result)}, context ${result.context}, Locust ${result.locust}`)}</p>`,
    ...result.limits.map(
      ({ flag, limit, actual, broken }) =>
        `<p class="${broken ? 'broken' : 'kept'}">${escapeHtml(`${broken ? '✗' : '✔'} ${flag} ${limit}: ${actual}`)}</p>`,
    ),
    ...result.warnings.map((text) => `<p>⚠ ${shown(text)}</p>`),
    `<figure>${loadtestPicture(result)}</figure>`,
    ...appTable(result),
    ...errorTable(result),
    '<footer><p>Latency is measured where Locust ran. CPU is what the autoscaler reports, in per cent of what a pod requests; replicas are what the Deployment wants.</p></footer>',
    '</html>',
  ]
  return `${parts.join('\n')}\n`
}

function startText({ startedAt }: LoadtestResult): string {
  return (startedAt ?? '').replace('T', ' ').replace(/\.\d+Z$/, ' UTC')
}

function appTable({ apps, total }: LoadtestResult): string[] {
  const headings = [
    'App',
    'Environment',
    'Requests',
    'Failed',
    'p50',
    'p95',
    'p99',
    'Pods: before → most → end',
    'Most CPU',
  ]
  const rows = apps.map((app) => [
    app.name,
    app.environment,
    ...figuresText(app),
    podsText(app),
    cpuText(app),
  ])
  const all = total === null || apps.length < 2 ? [] : [['all', '', ...figuresText(total), '', '']]
  return ['<h2>Apps</h2>', tableOf(headings, [...rows, ...all])]
}

function errorTable({ errors }: LoadtestResult): string[] {
  if (errors.length === 0) return []
  const rows = errors.map(({ request, message, count }) => [String(count), request, message])
  return ['<h2>What failed</h2>', tableOf(['Times', 'Request', 'Why'], rows)]
}

function tableOf(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = headings.map((heading) => `<th scope="col">${shown(heading)}</th>`).join('')
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${shown(cell)}</td>`).join('')}</tr>`)
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>\n${body.join('\n')}\n</tbody></table></div>`
}

/** What apps answered may stand in here. */
function shown(text: string): string {
  return escapeHtml(printable(text))
}
