import type { ExposeCheckResult } from '../services/expose-check.js'
import type { HopResult } from '../services/expose-hop.js'
import { errorText } from './error-text.js'
import { styles } from './styles.js'

const SYMBOLS: Record<HopResult['verdict'], string> = { good: '✔', unknown: '•', failed: '✗' }

/** One line for each hop, in the order of the way; under what is unknown what to do about it. Ends with a line break. */
export function exposeCheckText({ hops }: ExposeCheckResult): string {
  const style = styles(process.stdout)
  const colours = { good: style.green, unknown: style.yellow, failed: style.red }
  const width = Math.max(...hops.map(({ hop }) => hop.length))
  return hops
    .map(({ hop, where, verdict, text, advice }) => {
      const line = `${colours[verdict](SYMBOLS[verdict])} ${style.bold(hop.padEnd(width))} ${where} ${text}\n`
      const shown = verdict === 'unknown' ? advice : []
      return line + shown.map((sentence) => `${' '.repeat(width + 3)}${style.dim(sentence)}\n`).join('')
    })
    .join('')
}

/** What to do about the hop that failed first. */
export function failedHopText({ hop, where, text, advice }: HopResult): string {
  return errorText(
    { message: `The first hop that fails is the ${NAMES[hop]}: ${where} ${text}.`, suggestions: advice },
    { bin: '', command: undefined },
  )
}

const NAMES: Record<HopResult['hop'], string> = {
  name: 'name',
  address: 'address',
  port: 'port',
  ingress: 'ingress',
  tls: 'certificate',
  route: 'route',
  app: 'app',
}
