/**
 * Asks an address for /<label>/0, /<label>/1, … and prints how that went as JSON: {unanswered}, the numbers of requests that were
 * under way when their connection broke. They are not asked for again. No connection has two at a time: when nginx is ended, it
 * answers the first of several and does not log it (lingering_close).
 * Runs inside of the cluster's namespace: node load-client.ts ADDRESS PORT LABEL REQUESTS PER-SECOND (0: as many as it can)
 */
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const [address = '', port = '', label = '', requests = '', rate = ''] = process.argv.slice(2)
const total = Number(requests)
const perSecond = Number(rate) || Infinity

const CONNECTIONS = 32
/** Below nginx's keepalive_requests, 1000, after which it hangs up. */
const MOST_PER_CONNECTION = 900

const begun = performance.now()
const unanswered: number[] = []
let next = 0

await Promise.all(Array.from({ length: CONNECTIONS }, ask))
process.stdout.write(JSON.stringify({ unanswered }))

/** Opens one connection after the other until everything was asked for. */
async function ask(): Promise<void> {
  while (next < total) {
    const asked = await oneConnection()
    // Nobody listens while nginx starts again.
    if (asked === 0) await sleep(20)
  }
}

/** Gives how many requests went over it. */
function oneConnection(): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port: Number(port), noDelay: true })
    let underWay: number | undefined
    let asked = 0
    let received = ''

    const more = () => {
      if (next >= total || asked >= MOST_PER_CONNECTION) return void socket.end()
      const early = (next / perSecond) * 1000 - (performance.now() - begun)
      if (early > 1) return void setTimeout(more, early)
      if (socket.destroyed || !socket.writable) return
      underWay = next++
      asked++
      socket.write(`GET /${label}/${underWay} HTTP/1.1\r\nHost: load\r\n\r\n`)
    }
    socket.setEncoding('latin1')
    socket.on('connect', more)
    socket.on('data', (chunk: string) => {
      received += chunk
      // The end of nginx's page for 404.
      if (!received.includes('</html>')) return
      received = ''
      underWay = undefined
      more()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      if (underWay !== undefined) unanswered.push(underWay)
      resolve(asked)
    })
  })
}
