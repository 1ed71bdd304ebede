/**
 * Follows a log as a client that must not lose a line: after each end of the stream, whatever ended it, it goes on behind the last
 * line it has. Prints the lines as JSON, one a line, up to the one with the path END, or those of five minutes.
 * Runs inside of the cluster's namespace: node log-reader.ts URL END
 */
import { setTimeout as sleep } from 'node:timers/promises'

const [url = '', end = ''] = process.argv.slice(2)
const deadline = AbortSignal.timeout(300_000)
let after = 0
let ended = false

while (!ended && !deadline.aborted) {
  try {
    const answer = await fetch(`${url}?follow=1&format=ndjson&after=${after}`, { signal: deadline })
    if (answer.ok) await take(answer.body!)
  } catch {
    // The exporter starts again, or its Service has no pod that is ready.
    await sleep(50)
  }
}

async function take(body: ReadableStream<Uint8Array>): Promise<void> {
  let text = ''
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const lines = (text + chunk).split('\n')
    // Without a line end it may be half a line, which comes again.
    text = lines.pop()!
    for (const line of lines) {
      const { line: number, path } = JSON.parse(line) as { line?: number; path?: string }
      process.stdout.write(`${line}\n`)
      after = number ?? after
      ended ||= path === end
    }
    if (ended) return
  }
}
